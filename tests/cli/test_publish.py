"""The options of a publish on the command line."""

from __future__ import annotations

import json
import os
import wave
from pathlib import Path
from uuid import uuid4

import pytest
from doubles.colour_bars import painted
from doubles.command_line import account_variables, run_command
from doubles.numbered_images import run_ffmpeg

from ft_dcc.cli.publish import publish_command
from ft_dcc.frames import Resolution
from ft_dcc.production.tasks import ensure_task
from ft_dcc.session import operations

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def publish(studio_server, session, tmp_path):
    for frame in range(1001, 1005):
        (tmp_path / f"sh010.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    task = ensure_task(session, f"{tmp_path.name}{os.getpid()}/SQ010/SH010/Animation")
    environ = {
        **os.environ,
        **account_variables(studio_server, tmp_path / "jobs"),
        "FTRACK_TASKID": task["id"],
        "FT_DCC_REVIEW": "Dailies {date}",
    }

    def run(*options, source="sh010.####.png"):
        return run_command("publish", source, "--fps", "24", *options, environ=environ, folder=tmp_path)

    run.environ = environ
    return run


def test_a_folder_of_frames_with_the_number_before_the_pass_is_one_version(publish, tmp_path):
    (tmp_path / "passes").mkdir()
    for frame in (1, 2, 3):
        (tmp_path / "passes" / f"sh.v002.{frame:04d}.beauty.png").write_bytes(painted(frame, Resolution(64, 36)))
    done = publish("--no-review", "--json", source="passes")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "jobs").glob("*/report.json")
    report = json.loads(path.read_text("utf-8"))
    assert [(found["source"], found["frames"]) for found in report["found"]] == [("sh.v002", "1-3")]


def test_image_and_sound_options_are_in_the_report(publish, tmp_path):
    (tmp_path / "sh010.1002.png").unlink()
    for name in ("a.wav", "b.wav"):
        with wave.open(str(tmp_path / name), "wb") as sound:
            sound.setparams((1, 2, 48000, 0, "NONE", ""))
            sound.writeframes(bytes(9600))
    done = publish(
        *("--no-review", "--frames", "1001-1004", "--fill-missing", "--letterbox", "2.39"),
        *("--sound", "a.wav", "--sound", "b.wav@1003", "--output", "contact-sheet", "--slate"),
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "jobs").glob("*/report.json")
    report = json.loads(path.read_text("utf-8"))
    assert [(made["component"], made["frame_count"], made["filled"]) for made in report["made"]] == [
        ("ftrackreview-mp4", 5, "1002"),
        ("contact-sheet", 1, "1002"),
    ]
    request = report["request"]
    assert (request["letterbox"], request["is_filling"]) == ("2.39", True)
    assert request["sounds"] == [str(tmp_path / "a.wav"), str(tmp_path / "b.wav@1003")]


def test_characters_without_a_font_are_named_after_the_publish(publish, tmp_path):
    # No character has this number.
    publish.environ["FT_DCC_BURNIN_TOP_LEFT"] = "Shot \u0378"
    done = publish("--no-review", "--json")
    assert done.returncode == 0, done.stderr
    sentence = "no font has \u0378 (U+0378): install a Noto font, or set FT_DCC_FONTS to a folder with one"
    assert f"sh010: {sentence}." in done.stderr
    assert json.loads(done.stdout)["changes"] == [sentence]


def test_frames_option_accepts_step_and_two_handles(publish, tmp_path):
    for frame in (1002, 1004):
        (tmp_path / f"sh010.{frame}.png").unlink()
    done = publish("--no-review", "--frames", "1003-1003x2+2+1")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "jobs").glob("*/report.json")
    assert json.loads(path.read_text("utf-8"))["made"][0]["frame_count"] == 4


def test_publish_options_are_applied_to_the_version(session, publish):
    first = json.loads(publish("--no-review", "--json").stdout)
    assert first["review_entries"] == []
    done = publish(
        *("--review", "Client", "--review", "Dailies", "--status", "Pending Review", "--asset", "{shot}"),
        *("--asset-type", "geo", "--uses", first["version_id"], "--note", "Look at 1003.", "--comment", "wip"),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    version = session.query(
        "select comment, status.name, asset.name, asset.type.short, incoming_links.from_id, "
        f"review_session_objects.notes.content from AssetVersion where id is '{json.loads(done.stdout)['version_id']}'"
    ).one()
    assert (version["comment"], version["status"]["name"]) == ("wip", "Pending Review")
    assert (version["asset"]["name"], version["asset"]["type"]["short"]) == ("SH010", "geo")
    assert [link["from_id"] for link in version["incoming_links"]] == [first["version_id"]]
    notes = [note["content"] for entry in version["review_session_objects"] for note in entry["notes"]]
    assert notes == ["Look at 1003."] * 2


def test_a_folder_selects_the_sequences_in_it(publish, tmp_path):
    (tmp_path / "render").mkdir()
    assert "The folder render contains no images or movies." in publish(source="render").stderr
    for image in tmp_path.glob("sh010.100[1-4].png"):
        image.rename(tmp_path / "render" / image.name)
    (tmp_path / "render" / ".DS_Store").touch()
    done = publish("--no-review", "--frames", "1001-1004", "--json", source="render")
    assert done.returncode == 0, done.stderr
    assert [version["source"] for version in json.loads(done.stdout)["versions"]] == ["sh010"]


def test_an_unknown_status_exits_with_3(publish):
    done = publish("--status", "Nearly done")
    assert done.returncode == 3
    assert "Pending Review" in done.stderr


def test_an_issue_names_its_repair_and_the_repair_option_runs_it(session, publish, tmp_path, monkeypatch):
    guide = Path(__file__).resolve().parents[2] / "docs" / "td" / "publish-plugins.md"
    plugin = next(block for block in guide.read_text("utf-8").split("```python\n") if "ValidateAssetName" in block)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "validate_asset_name.py").write_text(plugin.split("```")[0], encoding="utf-8")
    monkeypatch.setitem(publish.environ, "FT_DCC_PLUGINS", str(tmp_path / "plugins"))
    asset = ("--asset", "SH 010 {task}", "--no-review")
    refused = publish(*asset)
    assert refused.returncode == 3
    assert refused.stderr.splitlines()[-1] == (
        "The asset name is SH 010 Animation; expected sh_010_animation. "
        'Write the name in small letters: --repair="Asset name"'
    )
    unused = publish(*asset, "--repair=Frame range")
    assert (unused.returncode, unused.stderr.splitlines()[0]) == (3, "These checks found no problem to repair.")
    unknown = publish(*asset, "--repair=Aset name")
    assert (unknown.returncode, unknown.stderr) == (2, "There is no check 'Aset name'. Did you mean Asset name?\n")
    repaired = publish(*asset, "--repair", "--json")
    assert (repaired.returncode, repaired.stderr.splitlines()[0]) == (
        0,
        "Asset name: Write the name in small letters: done",
    )
    made = session.query(
        f"select asset.name from AssetVersion where id is '{json.loads(repaired.stdout)['version_id']}'"
    )
    assert made.one()["asset"]["name"] == "sh_010_animation"


def test_repair_takes_no_argument_and_says_when_there_is_none(publish):
    """The option is followed by an option's value elsewhere; here the source follows it."""
    done = publish("--status", "Nearly done", "--repair", "--no-review")
    assert done.returncode == 3
    assert "No problem has a repair." in done.stderr
    context = publish_command.make_context("publish", ["--repair", "sh010.mov", "--", "--repair"])
    assert (context.params["repair"], context.params["source"]) == (("*",), ("sh010.mov", "--repair"))


def test_third_party_plugins_run(publish, tmp_path, monkeypatch):
    """Run plugins that print, import neighbours and create instances of their own."""
    monkeypatch.setitem(publish.environ, "PYBLISHPLUGINPATH", str(TESTS / "doubles" / "third_party_plugins"))
    monkeypatch.setitem(publish.environ, "OTHER_STUDIO", str(tmp_path))
    done = publish("--no-review", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [version["source"] for version in report["versions"]] == ["sh010"]
    assert "collecting props for" in done.stderr and "published chairA" in done.stderr
    assert (tmp_path / "chairA.txt").read_text("utf-8") == "|props|chairA"
    ran = [(step["name"], step["source"]) for step in report["steps"]]
    assert ("ValidatePropNames", "chairA") in ran and ("ValidateReviewNames", "sh010") in ran
    assert ("UploadComponents", "chairA") not in ran
    assert not {"CollectForMaya", "ValidateSwitchedOff"} & {name for name, _ in ran}
    lines = (tmp_path / "report.txt").read_text("utf-8").splitlines()
    assert "ValidatePropNames True" in lines and "RegisterVersion True" in lines


def test_a_job_that_did_not_start_is_deleted_and_one_with_a_revoked_key_is_kept(publish, tmp_path):
    plugin, jobs = tmp_path / "plugins" / "studio.py", tmp_path / "jobs"
    plugin.parent.mkdir()
    publish.environ["FT_DCC_PLUGINS"] = str(plugin.parent)
    plugin.write_text("import nothing_of_that_name\n", encoding="utf-8")
    assert publish().returncode == 1
    assert list(jobs.iterdir()) == []
    # The key is revoked while the movie is encoded.
    plugin.write_text(
        "import pyblish.api\n"
        "from ft_dcc.errors import AuthenticationError\n"
        "class ExtractNothing(pyblish.api.InstancePlugin):\n"
        "    order = 2.1\n"
        "    def process(self, instance):\n"
        "        raise AuthenticationError('The key is good no more.')\n",
        encoding="utf-8",
    )
    stopped = publish()
    (job,) = jobs.iterdir()
    assert (stopped.returncode, (job / "1" / "ftrackreview-mp4.mp4").is_file()) == (1, True)
    assert f"good no more. When it is fixed: 'ft-dcc queue resume {job.name}'" in stopped.stderr


def test_colour_space_option_is_in_the_report(publish, tmp_path):
    pytest.importorskip("OpenImageIO", reason="ft-dcc[colour] is not installed")
    done = publish("--colour-space", "ACEScct", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads((Path(json.loads(done.stdout)["job"]) / "report.json").read_text("utf-8"))
    assert report["request"]["colour"]["space"] == "ACEScct"


def test_images_of_one_sequence_are_one_source(publish, tmp_path):
    images = sorted(path.name for path in tmp_path.glob("sh010.*.png"))
    done = publish(*images[1:], "--no-review", "--json", source=images[0])
    assert done.returncode == 0, done.stderr
    assert [version["source"] for version in json.loads(done.stdout)["versions"]] == ["sh010"]


@pytest.mark.parametrize("source", ["sh010.@@@@.png", "sh010.$F4.png", "sh010.<frame04>.png"])
def test_numbers_of_other_programs_are_understood(publish, source):
    done = publish("--no-review", "--json", source=source)
    assert done.returncode == 0, done.stderr
    assert [version["source"] for version in json.loads(done.stdout)["versions"]] == ["sh010"]


def test_options_of_movies_are_refused_for_a_single_image(publish):
    refused = publish("--no-review", "--slate", "--output", "720", source="sh010.1001.png")
    assert refused.returncode == 3
    assert "sh010.1001.png is a single image, so --slate, --output 720 cannot be applied." in refused.stderr


def test_an_unknown_field_of_a_watermark_is_refused_before_a_job_exists(publish, tmp_path):
    before = {path.name for path in tmp_path.rglob("journal.jsonl")}
    refused = publish("--no-review", "--watermark", "for {arist}")
    assert refused.returncode == 2
    assert "'for {arist}' contains the unknown field {arist}. Did you mean {artist}?" in refused.stderr
    assert {path.name for path in tmp_path.rglob("journal.jsonl")} == before


def test_an_empty_source_is_refused(publish):
    refused = publish("--no-review", source="")
    assert refused.returncode == 3
    assert refused.stderr == "A source is empty. Give a file, a folder or a pattern.\n"


def test_frames_are_refused_for_a_single_image(publish):
    refused = publish("--no-review", "--frames", "1001-1003", source="sh010.1001.png")
    assert refused.returncode == 3
    assert "sh010.1001.png is a single image, so --frames cannot be applied." in refused.stderr


def test_the_requested_size_is_checked_for_a_single_image(publish):
    refused = publish("--no-review", "--resolution", "10x10", source="sh010.1001.png")
    assert refused.returncode == 3
    assert "; expected 10x10. --resolution checks and does not scale." in refused.stderr


def test_colour_space_is_refused_for_a_movie(publish, tmp_path):
    run_ffmpeg("-framerate", "24", "-start_number", "1001", "-i", tmp_path / "sh010.%04d.png", tmp_path / "a.mov")
    refused = publish("--no-review", "--colour-space", "ACEScg", source="a.mov")
    assert refused.returncode == 3
    assert "a.mov is a movie, whose colours are converted by its own tags." in refused.stderr


def test_a_view_is_refused_for_images_of_no_known_colour_space_by_the_dry_run(publish):
    refused = publish("--no-review", "--view", "Raw", "--dry-run")
    assert refused.returncode == 3
    assert "so --view cannot be applied. Name the colour space of the images with --colour-space" in refused.stderr


def test_missing_frames_are_in_the_json_report(publish, tmp_path):
    for frame in (1002, 1004):
        (tmp_path / f"sh010.{frame}.png").unlink()
    refused = publish("--no-review", "--json", "--frames", "1001-1003+1")
    assert refused.returncode == 3
    (problem,) = json.loads(refused.stdout)["error"]["problems"]
    assert (problem["check"], problem["found"], problem["expected"]) == ("Missing frames", "1001, 1003", "1000-1004")


def test_open_notes_of_the_last_version_are_printed_before_the_next_one(session, publish):
    first = json.loads(publish("--json").stdout)
    notes = [
        {"id": str(uuid4()), "content": text, "parent_type": "AssetVersion"} for text in ("Arm too high", "Addressed")
    ]
    session.call([operations.create("Note", {**note, "parent_id": first["version_id"]}) for note in notes])
    second = publish("--addresses", notes[1]["id"])
    assert second.returncode == 0, second.stderr
    assert "1 open note on Animation v001, which --addresses can name:\n" in second.stderr
    assert f"  {notes[0]['id'][:8]}  admin: Arm too high\n" in second.stderr
    assert notes[1]["id"][:8] not in second.stderr
