"""The official client, unmodified, takes the studio server for the real thing, and agrees with ft-dcc."""

import json
import os
import runpy
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import tomli
from doubles.command_line import account_variables
from doubles.programs import run_process

from ft_dcc.media import ffmpeg, probe
from ft_dcc.review import feedback
from ft_dcc.session.events.event import Event
from ft_dcc.session.events.hub import EventHub


def test_movie_is_encoded_for_browsers(official, tmp_path):
    movie = tmp_path / "film.mov"
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1"]
    subprocess.run([str(ffmpeg.find()), "-v", "error", *source, "-c:v", "mpeg4", str(movie)], check=True)
    assert official("encode", f"official_{uuid4().hex[:8]}", str(movie)) == {
        "status": ["done", "done"],
        "formats": ["video/mp4", "image/jpeg"],
        "kept": [False, True],
        "attached": ["ftrackreview-mp4", "thumbnail"],
        "components": [["ftrackreview-mp4", "thumbnail"], ["ftrackreview-mp4", "plate", "thumbnail"]],
        "ftr_meta": {"frameIn": 0, "frameOut": 24, "frameRate": 25.0, "width": 320, "height": 180},
        "availability": 100.0,
        "sources": 0,
        "head": "ftyp",
    }


@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_refused_request_is_reported_and_stores_nothing(official, mode):
    result = official("refusals", mode)
    assert "ParseError(Task has no attribute 'colour' (character 47).)" in result["unknown attribute"]
    assert "ValidationError(User.user_type_id refers to UserType 'missing'" in result["unknown status"]
    assert "ValidationError(A Shot needs a parent that exists." in result["no parent"]
    assert "Invalid action u'fly'" in result["unknown action"]
    assert result["no user"] == 0


COMPONENTS = Path(__file__).parent / "scripts" / "components.py"


def test_both_clients_create_the_same_components(official, session, tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    for number in (1, 2, 4):
        (tmp_path / f"a.{number:04d}.exr").write_bytes(b"x" * number)
    theirs = official("components", str(tmp_path))
    ours = runpy.run_path(str(COMPONENTS))["work"](session, tmp_path)
    assert ours == theirs
    movie, left, frames, loose, picked, errors, removed, unframed = ours
    assert (movie["availability"], movie["locations"]) == ([100.0, 0.0], ["ftrack.server"])
    assert (left["availability"], left["picked"]) == ([0.0, 100.0], "ftrack.unmanaged")
    assert frames["members"] == [["0001", 1, ".exr"], ["0002", 2, ".exr"], ["0004", 4, ".exr"]]
    assert [each["availability"] for each in (loose, removed, unframed)] == [[0.0, 0.0]] * 3
    assert (frames["availability"], unframed["locations"]) == ([100.0, 0.0], [])
    assert picked == "ftrack.unmanaged"
    assert errors == [
        "ComponentInLocationError",
        "ComponentNotInLocationError",
        "AccessorUnsupportedOperationError",
        "ValueError",
    ]


IDIOMS = Path(__file__).parent / "scripts" / "idioms.py"


def test_common_idioms_have_the_same_result(official, studio_server, tmp_path):
    names = [f"idioms_{uuid4().hex[:8]}" for _ in range(2)]
    theirs = official("idioms", "ftrack_api", names[0], str(tmp_path))
    environment = {**os.environ, **account_variables(studio_server)}
    ours = run_process(sys.executable, IDIOMS, "ft_dcc", names[1], tmp_path, env=environment)
    assert ours.returncode == 0, ours.stderr[-3000:]
    assert json.loads(ours.stdout) == theirs
    # Enough of them are no errors, so that the two do not only fail alike.
    assert len(theirs) == 101
    assert sum(str(each).startswith("raises") for each in theirs.values()) == 24
    wanted = {
        "link": ["sq", "sh", "anim"],
        "ancestors": ["sh", "sq"],
        "a custom attribute": [None, 1001],
        "versions": [1, 2, 2],
        "is latest": [False, True],
        "other metadata": [None, {"x": "y"}],
        "an invitee": ["admin", True],
        "an entry": ["a", "Version 2"],
        "downloaded": "film",
        "a tree is gone": [],
    }
    assert {label: theirs[label] for label in wanted} == wanted


# Prints those of its arguments that the environment does not meet.
MET_REQUIREMENTS = """
import importlib.metadata, json, sys
from pip._vendor.packaging.requirements import Requirement

def is_met(wanted):
    try:
        return wanted.specifier.contains(importlib.metadata.version(wanted.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False

print(json.dumps([text for text in sys.argv[1:] if not is_met(Requirement(text))]))
"""


def test_the_requirements_of_the_client_and_of_ft_dcc_fit_together(official_python: Path) -> None:
    checked = run_process(official_python, "-m", "pip", "check", "--disable-pip-version-check")
    assert (checked.returncode, checked.stdout) == (0, "No broken requirements found.\n")
    # Not those of the installed metadata, which an editable installation does not update.
    project = Path(__file__).parents[2] / "pyproject.toml"
    own = tomli.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    found = run_process(official_python, "-c", MET_REQUIREMENTS, *own)
    assert found.returncode == 0, found.stderr
    assert len(own) > 5 and json.loads(found.stdout) == []


def test_notes_of_the_official_client_are_read_and_answered(official, session):
    written = official("feedback", "write", f"notes_{uuid4().hex[:8]}")
    (version,) = feedback.of_versions(session, [written["version"]])
    notes = {note.text: note for note in version.notes}
    note = notes["Lift the chin."]
    assert (note.frame, note.labels, note.is_open) == (1010, (written["label"],), True)
    assert [(reply.author, reply.text) for reply in note.replies] == [("admin", "By how much?")]
    assert (notes["In the session"].review, notes["In the session"].frame) == ("dailies", None)
    assert (notes["Done already"].is_done, notes["Done already"].done_by) == (True, "admin")
    feedback.write_reply(session, note.id, "By five degrees.")
    feedback.set_done(session, [note.id])
    answered = official("feedback", "read", note.id)
    assert answered == {"replies": ["By five degrees.", "By how much?"], "done": True, "by": "admin"}


@pytest.fixture
def hub(studio_server):
    hub = EventHub(studio_server.server_url, studio_server.api_user, studio_server.api_key)
    hub.connect()
    yield hub
    hub.close()


def test_official_hub_and_ours_exchange_events_and_replies(official, hub, session, project):
    ask, answer = f"ask.{uuid4().hex}", f"answer.{uuid4().hex}"
    result = {}
    asked = []

    def respond(event):
        asked.append(event["data"])
        return {"ours says": event["data"]["n"] + 1}

    hub.subscribe(f"topic={ask}", respond)
    official_client = threading.Thread(target=lambda: result.update(official("hub", ask, answer)))
    official_client.start()
    # It has subscribed to everything once its own question is here.
    while not asked:
        hub.wait(0.1)
    question = Event(answer, data={"n": 10, "kind": "question"})
    assert hub.publish_and_wait_for_reply(question)["data"] == {"official says": 11}
    project["full_name"] = "Heard by the official client"
    session.commit()
    official_client.join()
    assert asked == [{"n": 1}]
    assert result["answers"] == [{"ours says": 2}]
    assert result["asked"] == [[{"n": 10, "kind": "question"}, "admin"]]
    change = {"old": project["name"], "new": "Heard by the official client"}
    assert ["Project", "update", change] in result["updates"]


SIZE = (320, 180)
FRAMES = (1001, 1012)

SMALL_SCENE = f"""
import sys
from pathlib import Path
import bpy
from ft_dcc_blender import demo_scene
demo_scene.build(Path(sys.argv[1]))
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
scene = bpy.context.scene
scene.frame_start, scene.frame_end = {FRAMES[0]}, {FRAMES[1]}
scene.render.resolution_x, scene.render.resolution_y = {SIZE[0]}, {SIZE[1]}
bpy.ops.wm.save_mainfile()
"""

OWN_PICTURES = f"""
import sys
from pathlib import Path
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc_blender.host import BlenderHost
host = BlenderHost.open(Path(sys.argv[1]))
source = host.scene().sources[0]
folder = Path(sys.argv[2])
request = PlayblastRequest(source, FrameRange({FRAMES[0]}, {FRAMES[1]}), Resolution{SIZE}, folder, "own")
host.playblast(request, lambda frame: None)
"""


def run(arguments, environment):
    done = run_process(*arguments, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def pictures(path, *options):
    """Return the frames of a movie or an image as an array."""
    command = [str(ffmpeg.find()), "-v", "error", "-i", str(path), *options]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIZE[1], SIZE[0], 3).astype(int)


@pytest.fixture
def environment(studio_server, tmp_path):
    (tmp_path / "blender").mkdir()
    return {
        **os.environ,
        **account_variables(studio_server, tmp_path / "jobs"),
        "BLENDER_USER_RESOURCES": str(tmp_path / "blender"),
    }


@pytest.fixture
def scene(environment, tmp_path):
    pytest.importorskip("bpy", reason="there is no bpy for this Python")
    path = tmp_path / "small shot.blend"
    run([sys.executable, "-c", SMALL_SCENE, str(path)], environment)
    return path


def test_scene_is_published_as_a_movie_that_shows_it(environment, scene, official, tmp_path):
    task = f"Whole way {os.getpid()}/SEQ010/SH010/Animation"
    ft_dcc = [sys.executable, "-m", "ft_dcc.cli.main"]
    run([*ft_dcc, "task", "ensure", task, "--frames", "1001-1012", "--fps", "24", "--create-project"], environment)
    before = scene.read_bytes()
    asked = ["--task", task, "--review", "Dailies", "--comment", 'Ünïcode "quoted" 100 %', "--json"]
    report = json.loads(run([*ft_dcc, "playblast", str(scene), *asked], environment))

    movie = tmp_path / "film.mp4"
    found = official("read_version", report["version_id"], str(movie))

    assert found["version"] == 1
    assert found["comment"] == 'Ünïcode "quoted" 100 %'
    assert found["task"] == [*task.split("/")]
    assert found["thumbnail"] == "thumbnail"
    assert found["components"] == ["ftrackreview-mp4", "scene", "thumbnail"]
    assert found["ftr_meta"] == {"frameIn": 1001, "frameOut": 1012, "frameRate": 24.0, "width": 320, "height": 180}
    assert found["reviews"] == [["Dailies", task.split("/")[0]]]
    assert found["size"] == movie.stat().st_size

    facts = probe(movie)
    assert (facts.frame_count, str(facts.fps), str(facts.resolution)) == (12, "24", "320x180")
    shown = pictures(movie)
    run([sys.executable, "-c", OWN_PICTURES, str(scene), str(tmp_path / "own")], environment)
    for index, frame in ((0, 1001), (11, 1012)):
        own = pictures(tmp_path / "own" / f"own.{frame}.png")[0]
        assert np.abs(shown[index] - own).mean() < 4
    # The two differ, so that the comparison above can fail.
    assert np.abs(shown[0] - shown[11]).mean() > 8
    assert scene.read_bytes() == before
