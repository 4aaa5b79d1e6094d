"""``ft-dcc notes`` on a running studio, in this process."""

import json
from functools import partial
from types import SimpleNamespace
from uuid import uuid4

import pytest
from doubles.command_line import run_command

from ft_dcc.session import operations


@pytest.fixture
def notes(signed_in):
    return partial(run_command, "notes")


@pytest.fixture
def noted(session, project, project_task):
    ids = SimpleNamespace(asset=str(uuid4()), version=str(uuid4()), note=str(uuid4()))
    asset_type = session.query("AssetType").first()["id"]
    asset = {"id": ids.asset, "name": "main", "context_id": project_task["parent_id"], "type_id": asset_type}
    version = {"id": ids.version, "asset_id": ids.asset, "task_id": project_task["id"], "version": 3}
    note = {"id": ids.note, "content": "Arm too high", "parent_id": ids.version, "parent_type": "AssetVersion"}
    frame = {"parent_id": ids.note, "parent_type": "Note", "key": "ft_dcc", "value": json.dumps({"frame": 1010})}
    session.call(
        [
            operations.create("Asset", asset),
            operations.create("AssetVersion", version),
            operations.create("Note", note),
            operations.create("Metadata", frame),
        ]
    )
    ids.task = f"{project['name']}/sq010/sh010/animation"
    ids.path = f"{project['name']}/sq010/sh010/main/v003"
    return ids


def test_notes_of_a_task_a_version_and_the_user_are_listed(notes, noted):
    for arguments in (["--task", noted.task], ["--version", noted.version], ["--version", noted.path], ["--mine"], []):
        found = notes(*arguments)
        assert found.returncode == 0, found.stderr
        (line,) = (line for line in found.stdout.splitlines() if noted.note[:8] in line)
        assert line.split()[1:3] == ["1010", "open"]
        assert "      Arm too high" in found.stdout.splitlines()


def test_the_report_has_notes_with_their_frames(notes, noted):
    (version,) = json.loads(notes("--task", noted.task, "--json").stdout)["versions"]
    (note,) = version["notes"]
    assert (version["number"], note["id"], note["frame"], note["is_open"]) == (3, noted.note, 1010, True)


def test_a_note_is_answered_done_and_opened_again_by_the_start_of_its_id(notes, noted):
    assert notes("reply", noted.note[:8], "Lowered").returncode == 0
    assert "      > admin: Lowered" in notes("--task", noted.task).stdout.splitlines()
    assert notes("done", noted.note[:8]).stdout == "1 note is done.\n"
    assert notes("--task", noted.task, "--open").stdout == "There are no notes.\n"
    assert notes("done", noted.note, "--reopen").stdout == "1 note is open again.\n"
    assert "Arm too high" in notes("--task", noted.task, "--open").stdout


def test_notes_are_exported_with_the_frames_of_the_shot(notes, noted, tmp_path):
    table, timeline = tmp_path / "notes.csv", tmp_path / "notes.otio"
    for target in (table, timeline):
        exported = notes("export", "--task", noted.task, "--format", target.suffix[1:], "--to", str(target))
        assert exported.returncode == 0, exported.stderr
    assert notes("export", "--version", noted.version, "--to", str(tmp_path)).returncode == 0
    refused = notes("export", "--version", noted.version, "--to", str(tmp_path))
    assert (refused.returncode, "Replace it with --force, or name another file." in refused.stderr) == (3, True)
    assert notes("export", "--version", noted.version, "--to", str(tmp_path), "--force").returncode == 0
    assert (tmp_path / "notes.pdf").read_bytes().startswith(b"%PDF-")
    assert "main v003," in (text := table.read_text("utf-8-sig")) and ",1010,,admin," in text
    assert json.loads(timeline.read_text("utf-8"))["OTIO_SCHEMA"] == "Timeline.1"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--task", "a/b"], 3, "There is no task a/b"),
        (["--version", "no/such/asset/v001"], 2, "There is no version no/such/asset/v001"),
        (["--version", "x"], 1, "There is no version x"),
        (["--mine", "--task", "a/b"], 2, "only one of"),
        (["reply", "0" * 8, "text"], 1, "There is no note 00000000"),
        (["reply", "0" * 8, " "], 2, "The reply is empty"),
        (["done"], 2, "NOTE"),
        (["export", "--format", "xls"], 2, "'xls' is not one of"),
    ],
)
def test_wrong_arguments_are_one_sentence(notes, arguments, code, sentence):
    done = notes(*arguments)
    assert (done.returncode, sentence in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_a_version_without_drawings_has_no_archive(notes, noted, tmp_path):
    found = notes("export", "--task", noted.task, "--format", "drawings", "--to", str(tmp_path))
    assert (found.returncode, "There are no drawings" in found.stderr) == (3, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_one_sentence(notes, noted, tmp_path):
    found = notes("export", "--task", noted.task, "--to", str(tmp_path / "missing" / "notes.pdf"))
    assert (found.returncode, "cannot be written" in found.stderr) == (1, True)
