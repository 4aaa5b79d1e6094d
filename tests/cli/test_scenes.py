"""``ft-dcc batch`` and ``ft-dcc playblast`` with scenes of Maya and Nuke, in programs that run the doubles."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from doubles.host_programs import make_maya, make_nuke, make_program, write_maya_scene, write_nuke_script
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.batch.plan import Plan
from ft_dcc.media.ffmpeg import find
from ft_dcc.production.tasks import ensure_task

# Writes the arguments of each start, one line for each.
LOG_ARGUMENTS = "open(os.path.join(os.path.dirname(sys.argv[0]), 'starts'), 'a').write(' '.join(sys.argv[1:]) + '\\n')"
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for another process")


def log_pid(scenes):
    return f"open({str(scenes.folder / 'pid')!r}, 'w').write(str(os.getpid()))"


@pytest.fixture
def scenes(batch):
    batch.maya = make_maya(batch.folder, LOG_ARGUMENTS)
    batch.nuke = make_nuke(batch.folder, LOG_ARGUMENTS)
    batch.environ.update(FT_DCC_MAYA=str(batch.maya), FT_DCC_NUKE=str(batch.nuke), FT_DCC_FFMPEG=str(find()))
    return batch


def add_scene(batch, shot, source, **values):
    task = f"{batch.project}/SQ010/{shot}/Animation"
    ensure_task(batch.session, task)
    batch.rows.append({"source": source, "task": task, "fps": "", "comment": shot, **values})
    return task


BROKEN_PLUGIN = """import pyblish.api
class ValidateNothing(pyblish.api.InstancePlugin):
    def process(self, instance): instance.data["nothing"]
    order = 1
"""


def starts(program):
    path = program.parent / "starts"
    return path.read_text("utf-8").splitlines() if path.is_file() else []


def is_running(pid):
    """Return whether the process runs; one that has ended may wait for its new parent."""
    state = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return not state.is_file() or state.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def use_program(batch, before):
    make_program(batch.maya.with_name("mayapy"), "doubles.maya.mayapy", before)


def origins(batch):
    """Return the camera or the node of each version of a scene by its shot."""
    query = f"select task.parent.name, metadata from AssetVersion where task.project.name is '{batch.project}'"
    found = {}
    for version in batch.session.query(query):
        origin = json.loads(version["metadata"].get("ft_dcc_origin", "{}"))
        found[version["task"]["parent"]["name"]] = origin.get("camera")
    return found


def test_batch_publishes_scenes_of_maya_and_nuke_once(scenes):
    write_maya_scene(scenes.folder / "shot.ma")
    write_nuke_script(scenes.folder / "comp.nk")
    add_scene(scenes, "SH010", "shot.ma")
    add_scene(scenes, "SH020", "shot.ma", camera="second", frames="1003-1004")
    add_scene(scenes, "SH030", "comp.nk")
    scenes.add_shot("SH040")
    manifest = scenes.write()
    done = scenes.run(manifest, "--engine", "local:2", "--json")
    assert done.returncode == 0, done.stderr
    assert scenes.versions() == [("SH010", 1), ("SH020", 1), ("SH030", 1), ("SH040", 1)]
    found = origins(scenes)
    assert [found[shot] for shot in ("SH010", "SH020", "SH030")] == ["shotCam", "second", "Write1"]
    assert (len(starts(scenes.maya)), len(starts(scenes.nuke))) == (2, 1)
    assert scenes.environ["FTRACK_API_KEY"] not in "".join([*starts(scenes.maya), *starts(scenes.nuke)])
    assert "4 items: 0 to publish, 4 done, 0 with problems." in scenes.run(manifest).stderr
    assert len(starts(scenes.maya)) == 2


def test_a_missing_or_too_old_program_is_a_problem_of_the_plan_and_not_for_a_farm(scenes):
    del scenes.environ["FT_DCC_MAYA"]
    scenes.environ["FT_DCC_NUKE"] = str(scenes.folder / "Nuke15.1v2" / "Nuke15.1")
    write_maya_scene(scenes.folder / "shot.ma")
    write_nuke_script(scenes.folder / "comp.nk")
    add_scene(scenes, "SH010", "shot.ma")
    add_scene(scenes, "SH020", "comp.nk")
    planned = scenes.run(scenes.write(), "--dry-run")
    assert planned.returncode == 3
    assert "shots.csv, line 2: Maya was not found in " in planned.stderr
    assert "set FT_DCC_MAYA to the path of the program." in planned.stderr
    assert "shots.csv, line 3: " in planned.stderr and "Nuke15.1 does not exist." in planned.stderr
    assert planned.stderr.splitlines()[-1] == "2 items: 0 to publish, 0 done, 2 with problems."
    farm = scenes.run("shots.csv", "--engine", "openjd:bundle", "--dry-run")
    assert farm.stderr.splitlines()[-1] == "2 items: 2 to publish, 0 done, 0 with problems."
    scenes.environ["FT_DCC_MAYA"] = str(
        make_program(scenes.folder / "maya2022" / "bin" / "maya", "doubles.maya.mayapy")
    )
    old = "Maya 2022 runs Python 3.7, and ft-dcc needs 3.9. Use Maya 2023 or later."
    assert old in scenes.run("shots.csv", "--dry-run").stderr


def test_colours_are_those_of_files_and_camera_and_look_those_of_scenes(scenes):
    scenes.add_shot("SH010", layer="diffuse", display="Rec.709")
    write_maya_scene(scenes.folder / "shot.ma")
    add_scene(scenes, "SH020", "shot.ma")
    add_scene(scenes, "SH030", "shot.ma", layer="diffuse")
    scenes.add_shot("SH040", camera="shotCam", look="lit")
    for name in ("comp.nknc", "comp.nkind"):
        (scenes.folder / name).write_bytes(b"a script")
        add_scene(scenes, name, name)
    planned = scenes.run(scenes.write(), "--dry-run", "--view", "Raw", "--display", "sRGB", "--to", "out")
    assert planned.returncode == 3
    assert "shots.csv, line 4: shot.ma is a scene, so it has no layer." in planned.stderr
    assert "is no scene, so it has no camera." in planned.stderr and "is no scene, so it has no look." in planned.stderr
    for name in ("comp.nknc", "comp.nkind"):
        assert f"{name} is a script of Nuke Indie or Non-commercial" in planned.stderr
    files, scene, *_ = Plan.open(scenes.folder / "out" / "items.jsonl").items
    assert files.request.colour is not None
    found = (files.request.colour.display, files.request.colour.view, files.request.colour.layer)
    assert found == ("Rec.709", "Raw", "diffuse")
    assert scene.request.colour is None


@needs_signals
def test_an_interrupted_batch_ends_the_program_and_the_next_run_publishes_once(scenes):
    write_maya_scene(scenes.folder / "shot.ma")
    add_scene(scenes, "SH010", "shot.ma")
    use_program(scenes, f"{log_pid(scenes)}; {LOG_ARGUMENTS}")
    manifest = scenes.write()
    process = scenes.start(manifest, start_new_session=True)
    wait_until(lambda: process.poll() is not None or list(scenes.jobs.glob("batch-*/journal.jsonl")), "a journal")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode in (0, 130)
    assert not is_running(int((scenes.folder / "pid").read_text("utf-8")))
    done = scenes.run(manifest)
    assert done.returncode == 0, done.stderr
    assert scenes.versions() == [("SH010", 1)]


def test_an_item_whose_result_was_lost_needs_no_program_again(scenes):
    write_maya_scene(scenes.folder / "shot.ma")
    add_scene(scenes, "SH010", "shot.ma")
    assert scenes.run(scenes.write(), "--dry-run").returncode == 0
    (items,) = scenes.jobs.glob("batch-*/items.jsonl")
    done = scenes.run("--manifest", items, "--index", "0", command="publish-item")
    assert done.returncode == 0, done.stderr
    for result in (items.parent / "results").glob("*.json"):
        result.unlink()
    again = scenes.run("--manifest", items, "--index", "0", "--json", command="publish-item")
    assert json.loads(again.stdout)["items"][0]["state"] == "done"
    assert (scenes.versions(), len(starts(scenes.maya))) == ([("SH010", 1)], 1)


# What the program prints and does, and the beginning of the message.
SENTENCES = {
    "print('starting'); print('Could not obtain a license from the server'); sys.exit(100)": (
        "Maya 2025 has no licence: Could not obtain a license from the server. Free a licence and publish "
    ),
    "print('Using a licence.'); print('libGL error'); sys.exit(7)": (
        "Maya 2025 stopped with code 7 before it could start. Its last output: Using a licence. libGL error. Open "
    ),
    "os.kill(os.getpid(), 9)": "Maya 2025 stopped with code -9 before it could start. It printed nothing.",
    "print('waiting', flush=True); time.sleep(600)": "Maya 2025 made no progress for 0.01 minutes with ",
}


def test_a_program_that_fails_is_reported_in_one_sentence_and_the_next_run_publishes(scenes):
    scene = write_maya_scene(scenes.folder / "shot.ma")
    task = add_scene(scenes, "SH010", "shot.ma")
    for before, sentence in SENTENCES.items():
        use_program(scenes, before)
        # Only the program that sleeps reaches this time-out of 0.6 s; the others end at once.
        limit = {"FT_DCC_SCENE_TIMEOUT": "0.01"} if "sleep" in before else {}
        refused = scenes.run(scene, "--task", task, command="playblast", **limit)
        assert (refused.returncode, refused.stdout) == (1, "")
        (line,) = refused.stderr.splitlines()
        assert line.startswith(sentence)
    use_program(scenes, "sys.exit(7)")
    assert scenes.run(scenes.write()).returncode == 1
    assert scenes.versions() == []
    make_maya(scenes.folder)
    assert scenes.run("shots.csv").returncode == 0
    assert scenes.versions() == [("SH010", 1)]


def test_a_scene_that_cannot_be_opened_is_reported(scenes):
    torn = write_maya_scene(scenes.folder / "torn.ma", 'requires "torn";\n')
    newer = write_maya_scene(scenes.folder / "newer.ma", 'requires maya "2027";\n')
    task = add_scene(scenes, "SH010", "torn.ma")
    for scene, sentence in (
        (torn, f"Maya cannot open {torn}: Error reading file: "),
        (newer, f"{newer} was saved by Maya 2027; this is Maya 2025. Open it in Maya 2027."),
        (scenes.folder / "away.ma", "away.ma does not exist. Give the path of a scene."),
    ):
        refused = scenes.run(scene, "--task", task, command="playblast")
        assert refused.returncode == 3
        assert sentence in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert not list(scenes.jobs.glob("*/journal.jsonl"))


def test_a_scene_with_a_missing_plug_in_is_published_only_with_allow_incomplete(scenes):
    scene = write_maya_scene(scenes.folder / "shot.ma", 'requires "missing";\n')
    task = add_scene(scenes, "SH010", "shot.ma")
    refused = scenes.run(scene, "--task", task, command="playblast")
    assert refused.returncode == 3
    assert "shot.ma is open, but Maya reports: Cannot find procedure" in refused.stderr
    done = scenes.run(scene, "--task", task, "--allow-incomplete", command="playblast")
    assert done.returncode == 0, done.stderr
    assert scenes.versions() == [("SH010", 1)]


def test_playblast_publishes_a_camera_of_maya_and_a_node_of_nuke(scenes):
    maya = write_maya_scene(scenes.folder / "shot.ma")
    nuke = write_nuke_script(scenes.folder / "comp.nk")
    first, second = add_scene(scenes, "SH010", "shot.ma"), add_scene(scenes, "SH020", "comp.nk")
    options = ("--frames", "1001-1003", "--percentage", "50", "--look", "samples=4", "--json")
    done = scenes.run(maya, "--task", first, "--camera", "second", *options, command="playblast")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["version"], report["source"]) == (1, "second")
    assert Path(report["job"]).parent == scenes.jobs
    done = scenes.run(nuke, "--task", second, "--camera", "Read1", command="playblast")
    assert done.returncode == 0, done.stderr
    assert origins(scenes) == {"SH010": "second", "SH020": "Read1"}


def test_dry_run_of_a_scene_prints_its_problems_and_publishes_nothing(scenes):
    scene = write_maya_scene(scenes.folder / "shot.ma")
    task = add_scene(scenes, "SH010", "shot.ma")
    planned = scenes.run(scene, "--task", task, "--dry-run", command="playblast")
    assert planned.returncode == 0, planned.stderr
    assert "shotCam" in planned.stdout
    missing = scenes.run(scene, "--task", task, "--camera", "none", "--dry-run", command="playblast")
    assert missing.returncode == 3
    assert "The scene has no camera called none. It has shotCam, second." in missing.stderr
    (scenes.folder / "broken.py").write_text(BROKEN_PLUGIN, encoding="utf-8")
    script = write_nuke_script(scenes.folder / "comp.nk")
    for source in (scene, script):
        options = (source, "--task", task, "--dry-run", "--debug")
        found = scenes.run(*options, command="playblast", FT_DCC_PLUGINS=str(scenes.folder))
        assert 'broken.py", line 3, in process' in found.stderr
    assert (scenes.versions(), list(scenes.jobs.glob("*/journal.jsonl"))) == ([], [])


def test_a_missing_task_is_reported_before_the_program_is_started(scenes):
    scene = write_maya_scene(scenes.folder / "shot.ma")
    refused = scenes.run(scene, "--task", f"{scenes.project}/SQ010/NONE/Animation", command="playblast")
    assert refused.returncode == 3
    assert refused.stderr.startswith(f"There is no project {scenes.project}") or "There is no task" in refused.stderr
    assert starts(scenes.maya) == []


def test_a_file_that_is_no_scene_is_refused(scenes):
    (scenes.folder / "scene.hip").write_bytes(b"a scene")
    refused = scenes.run("scene.hip", "--task", "A/B/C", command="playblast")
    assert refused.returncode == 3
    assert "scene.hip is no scene of Blender, Maya or Nuke. Give a .blend, .ma, .mb or .nk file." in refused.stderr


def test_options_that_a_scene_of_maya_does_not_have_are_refused(scenes):
    scene = write_maya_scene(scenes.folder / "shot.ma")
    task = add_scene(scenes, "SH010", "shot.ma")
    for options, message in (
        (("--visibility", "render"), "--visibility and --run-scripts are for Blender scenes."),
        (("--repair=Nothing",), "There is no check 'Nothing'"),
    ):
        refused = scenes.run(scene, "--task", task, *options, command="playblast")
        assert refused.returncode == 2
        assert message in refused.stderr
    assert scenes.versions() == []


def test_a_playblast_that_crashes_in_the_capture_is_resumed_by_the_queue(scenes):
    # The double ends when it draws its third frame.
    use_program(scenes, "os.environ['DOUBLE_CRASH_AT'] = '1003'")
    scene = write_maya_scene(scenes.folder / "shot.ma")
    failed = scenes.run(scene, "--task", add_scene(scenes, "SH010", "shot.ma"), command="playblast")
    assert failed.returncode == 1
    assert "Maya 2025 stopped with code 139 while it captured " in failed.stderr
    (journal,) = scenes.jobs.glob("*/journal.jsonl")
    make_maya(scenes.folder)
    done = scenes.run("resume", journal.parent.name, command="queue")
    assert done.returncode == 0, done.stderr
    assert scenes.versions() == [("SH010", 1)]


@needs_signals
def test_ctrl_c_while_the_program_starts_ends_it(scenes):
    # The program interrupts its parent before anything else.
    use_program(scenes, f"{log_pid(scenes)}; os.kill(os.getppid(), {int(signal.SIGINT)}); time.sleep(600)")
    scene = write_maya_scene(scenes.folder / "shot.ma")
    process = scenes.start(scene, "--task", add_scene(scenes, "SH010", "shot.ma"), command="playblast")
    _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, "Traceback" in stderr) == (130, False)
    assert not is_running(int((scenes.folder / "pid").read_text("utf-8")))


def test_a_program_ends_with_a_parent_that_was_killed(scenes):
    use_program(scenes, f"{log_pid(scenes)}; os.environ['DOUBLE_HANG_AT'] = '1003'")
    scene = write_maya_scene(scenes.folder / "shot.ma")
    process = scenes.start(scene, "--task", add_scene(scenes, "SH010", "shot.ma"), command="playblast")
    for line in process.stderr:
        if "capture" in line:
            break
    process.kill()
    process.communicate(timeout=TIMEOUT_SECONDS)
    pid = int((scenes.folder / "pid").read_text("utf-8"))
    wait_until(lambda: not is_running(pid), "the end of the program")
