"""``ft-dcc batch``: the plan, the engines, the second run, and the reports."""

import json
import os
import signal
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.colour_bars import painted
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.frames import Resolution
from ft_dcc.production.tasks import ensure_task


def test_batch_publishes_each_item_once_and_lists_all_problems(batch):
    for name in ("SH010", "SH020", "SH030"):
        batch.add_shot(name)
    batch.add_shot("SH040", task=f"{batch.project}/SQ010/NONE/Animation")
    batch.add_shot("SH050", fps="fast")
    batch.add_shot("SH060", count=0)
    (batch.folder / "SH030" / "SH030.1002.png").unlink()
    batch.rows.append({**batch.rows[0]})
    manifest = batch.write()
    planned = batch.run(manifest, "--dry-run")
    assert planned.returncode == 3
    assert planned.stderr.splitlines()[-1] == "7 items: 2 to publish, 0 done, 5 with problems."
    assert batch.versions() == []
    done = batch.run(manifest, "--engine", "local:2", "--json")
    assert done.returncode == 3, done.stderr
    for place, problem in (
        ("line 4", "1 frames of"),
        ("line 5", "There is no task"),
        ("line 6", "'fast' is not a frame rate"),
        ("line 7", "No file matches"),
        ("line 8", "is listed twice"),
    ):
        assert any(f"shots.csv, {place}: " in line and problem in line for line in done.stderr.splitlines())
    report = json.loads(done.stdout)
    assert report["counts"] == {"problem": 5, "failed": 0, "waiting": 0, "done": 2}
    assert batch.versions() == [("SH010", 1), ("SH020", 1)]
    page = Path(report["page"]).read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert "is not a frame rate" in page
    batch.add_shot("SH070")
    # A version of the shot, without a task.
    batch.rows[-1]["task"] = batch.rows[-1]["task"].rpartition("/")[0]
    assert "8 items: 1 to publish, 2 done, 5 with problems." in batch.run(batch.write()).stderr
    assert batch.versions() == [("SH010", 1), ("SH020", 1), ("SH070", 1)]
    batch.rows = batch.rows[:1]
    planned = batch.run(batch.write(), "--to", "new", "--dry-run")
    assert ("0 to publish, 1 done" in planned.stderr, planned.stdout.count("done     v001")) == (True, 1)
    assert batch.run(manifest, "--again").returncode == 0
    assert batch.versions() == [("SH010", 1), ("SH010", 2), ("SH020", 1), ("SH070", 1)]
    assert [batch.run(manifest, "--to", *out).returncode for out in (("new",), ("newer", "--again"))] == [0, 0]
    assert [number for _, number in batch.versions()] == [1, 2, 3, 1, 1]


# A studio's plugin that holds the publish of a source until a file beside the plugin has the name of the source.
HOLD = """
import time
from pathlib import Path

import pyblish.api


class Hold(pyblish.api.InstancePlugin):
    order = pyblish.api.ExtractorOrder - 0.4

    def process(self, instance):
        while not Path(__file__).with_name(instance.data["name"]).exists():
            time.sleep(0.02)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a console")
def test_ctrl_c_and_kill_lose_nothing_and_publish_nothing_twice(batch):
    names = [f"SH{number}" for number in range(3)]
    for name in names:
        batch.add_shot(name)
    manifest = batch.write()
    plugins = batch.folder / "plugins"
    plugins.mkdir()
    (plugins / "hold.py").write_text(HOLD, encoding="utf-8")
    batch.environ["FT_DCC_PLUGINS"] = str(plugins)
    for released, stop in (("SH0", signal.SIGINT), ("SH1", signal.SIGKILL)):
        (plugins / released).touch()
        process = batch.start(manifest, "--engine", "local:2", start_new_session=True)
        for line in process.stderr:
            if ": done: " in line:
                break
        process.send_signal(stop)
        # The workers of a killed run live on with its pipes.
        assert process.wait(timeout=TIMEOUT_SECONDS) == (130 if stop is signal.SIGINT else -signal.SIGKILL)
        left = f"1 of 3 items are published, 2 are left. Continue with: ft-dcc batch {manifest} --engine local:2"
        assert stop is signal.SIGKILL or left in process.stderr.read()
        process.stdout.close()
        process.stderr.close()
    for name in names:
        (plugins / name).touch()
    # Workers of the killed run finish their item; until then their jobs are locked.
    wait_until(lambda: batch.run(manifest).returncode == 0, "a run without locked jobs")
    assert batch.versions() == [(name, 1) for name in names]


def test_a_plan_that_cannot_be_read_is_named(batch):
    for name, message in (("away.jsonl", "cannot be read: No such file"), ("shots.csv", "is not the plan of a batch")):
        batch.write()
        refused = batch.run("--manifest", name, "--index", "0", command="publish-item")
        assert refused.returncode == 3
        assert message in refused.stderr


def test_item_that_was_repaired_is_published_by_the_next_run(batch):
    """A problem that only the publish finds: an image of another size."""
    batch.add_shot("SH010")
    odd = batch.folder / "SH010" / "SH010.1002.png"
    odd.write_bytes(painted(1002, Resolution(32, 18)))
    manifest = batch.write()
    assert batch.run(manifest).returncode == 3
    odd.write_bytes(painted(1002, Resolution(64, 36)))
    assert batch.run(manifest).returncode == 0
    assert batch.versions() == [("SH010", 1)]


def test_a_missing_frame_rate_and_a_view_of_an_unknown_colour_space_are_problems_of_the_plan(batch):
    for name, values in (("SH010", {"fps": ""}), ("SH020", {"fps": ""}), ("SH030", {}), ("SH040", {"view": "Raw"})):
        batch.add_shot(name, **values)
    ensure_task(batch.session, batch.rows[1]["task"], fps=Fraction(25))
    (batch.folder / "still.png").write_bytes(painted(1, Resolution(64, 36)))
    batch.rows.append({"source": "still.png", "task": batch.rows[0]["task"]})
    planned = batch.run(batch.write(), "--dry-run")
    assert planned.returncode == 3
    assert "line 2: No frame rate: the shot has none. Set it on the shot, or add --fps 24" in planned.stderr
    assert "so --view cannot be applied." in planned.stderr
    assert planned.stderr.splitlines()[-1] == "5 items: 3 to publish, 0 done, 2 with problems."


def test_a_task_that_is_no_path_cannot_be_created(batch):
    (batch.folder / "f1.png").write_bytes(painted(1, Resolution(64, 36)))
    planned = batch.run(".", "--match", "{name}", "--dry-run")
    assert planned.returncode == 3
    assert "There is no task f1. Give its id or its path, PROJECT/SEQUENCE/SHOT/TASK" in planned.stderr
    assert "task ensure" not in planned.stderr
    planned = batch.run(".", "--match", "{name}", "--task", "P/S/{name}/A task", "--dry-run")
    assert "There is no task P/S/f1/A task. Create it with: ft-dcc task ensure 'P/S/f1/A task'" in planned.stderr


def planned_items(done):
    return [(item["task"], item["source"]) for item in json.loads(done.stdout)["items"]]


def test_folder_is_matched_with_the_fields_of_its_paths(batch):
    for shot in ("SH010", "SH020"):
        ensure_task(batch.session, f"{batch.project}/SQ010/{shot}/Comp")
        inside = batch.folder / "renders" / "SQ010" / shot / "Comp"
        inside.mkdir(parents=True)
        for number in (1, 2):
            (inside / f"{shot}.{number:04d}.png").write_bytes(painted(number, Resolution(64, 36)))
    rule = f"{batch.project}/{{sequence}}/{{shot}}/{{task}}"
    done = batch.run(
        "renders", "--match", "{sequence}/{shot}/{task}", "--task", rule, "--fps", "24", "--dry-run", "--json"
    )
    assert done.returncode == 0, done.stderr
    folder = batch.folder / "renders" / "SQ010"
    assert planned_items(done) == [
        (f"{batch.project}/SQ010/{shot}/Comp", str(folder / shot / "Comp" / f"{shot}.%04d.png"))
        for shot in ("SH010", "SH020")
    ]


def test_shots_of_the_server_have_sources_by_a_rule(batch):
    for name in ("SH010", "SH020"):
        batch.add_shot(name)
    query = f"Shot where project.name is '{batch.project}' order by name"
    options = ("--from", query, "--source", "{shot}/{shot}.%04d.png", "--task", "{path}/Animation", "--fps", "24")
    done = batch.run(*options, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert planned_items(done) == [
        (f"{batch.project}/SQ010/{shot}/Animation", str(batch.folder / shot / f"{shot}.%04d.png"))
        for shot in ("SH010", "SH020")
    ]


def test_each_kind_of_manifest_is_read(batch):
    batch.add_shot("SH010")
    for name, text in (
        ("shots.jsonl", '{"source": "SH010/SH010.%04d.png", "task": "TASK", "fps": 24}\n'),
        ("semicolons.csv", "\ufeffsource;task;fps\nSH010/SH010.%04d.png;TASK;24\n"),
        ("headings.csv", "Source,Task,FPS,Fill missing\nSH010/SH010.%04d.png,TASK,24,yes\n"),
    ):
        (batch.folder / name).write_text(text.replace("TASK", batch.rows[0]["task"]), encoding="utf-8")
        planned = batch.run(name, "--dry-run")
        assert planned.returncode == 0
        assert planned.stderr.splitlines()[-1] == "1 items: 1 to publish, 0 done, 0 with problems."


def test_values_of_json_that_are_missing_or_of_another_type_are_understood_or_explained(batch):
    batch.add_shot("SH010")
    row = {**batch.rows[0], "fps": 24}
    rows = [
        {**row, "review": None, "note": None, "label": None, "status": None},
        {**row, "review": ["A", "B"], "asset": "two"},
        {**row, "review": 7, "asset": "three"},
        {**row, "comment": ["a"], "asset": "four"},
        {**row, "source": {"a": 1}},
    ]
    (batch.folder / "shots.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    planned = batch.run("shots.jsonl", "--dry-run")
    assert planned.returncode == 3
    assert "shots.jsonl, line 4: The column 'comment' has one value, not a list or a table." in planned.stderr
    assert "shots.jsonl, line 5: The column 'source' has one value, not a list or a table." in planned.stderr
    assert planned.stderr.splitlines()[-1] == "5 items: 3 to publish, 0 done, 2 with problems."


def test_columns_give_metadata_and_a_project_instead_of_a_task(batch):
    batch.add_shot("SH010")
    row = {**batch.rows.pop(), "task": ""}
    batch.rows += [
        {**row, "project": batch.project, "metadata": "vendor=North;take=3"},
        {**row, "project": "nowhere", "metadata": "vendor"},
        {**row, "project": batch.project, "task": f"{batch.project}/SQ010/SH010/Animation"},
    ]
    done = batch.run(batch.write(), "--json")
    assert done.returncode == 3, done.stderr
    first = json.loads(done.stdout)["items"][0]
    select = "select task_id, metadata, asset.name from AssetVersion where id is"
    version = batch.session.query(f"{select} '{first['version_id']}'").one()
    assert (version["task_id"], version["asset"]["name"]) == (None, "SH010")
    assert {"vendor": "North", "take": "3"}.items() <= dict(version["metadata"]).items()
    for reason in (
        "line 3: 'vendor' is not metadata.",
        "line 3: There is no project nowhere.",
        "line 4: A version has",
    ):
        assert reason in done.stderr


def test_invalid_manifest_is_explained(batch):
    for name, text, message in (
        ("a.csv", b"sorce,task\na.mov,T/S/T\nb.mov,T/S/T\n", "a.csv, line 1: There is no column 'sorce'. Did you mean"),
        ("empty.csv", b"source,task\n", "has no items"),
        ("shots.jsonl", b"{\n[]\n", "invalid JSON"),
        ("shots.xlsx", b"", "is not a manifest"),
        ("latin.csv", b"source\n\xff\xfe\n", "it is not UTF-8"),
    ):
        (batch.folder / name).write_bytes(text)
        refused = batch.run(name, "--dry-run")
        printed = refused.stderr + refused.stdout
        assert (refused.returncode, message in printed, "No task" in printed) == (3, True, False), name


def test_wrong_usage_of_batch_is_explained(batch):
    batch.write()
    for arguments, message in (
        ((), "Give a manifest"),
        (("shots.csv", "--engine", "local:0"), "is not a number of processes"),
        (("shots.csv", "--engine", "cloud"), "There is no engine 'cloud'"),
        (("shots.csv", "--match", "{shot}"), "--match needs a folder"),
        ((".",), "add --match"),
        (("--from", "Shot"), "--from needs --source"),
    ):
        refused = batch.run(*arguments)
        assert (refused.returncode, message in refused.stderr) == (2, True), arguments
