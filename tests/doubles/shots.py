"""A shot of the studio server with a task, and captures and publishes beside the event loop of a host."""

import threading
import uuid
from fractions import Fraction

import pytest

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import FrameRange
from ft_dcc.host_support.main_thread import ThreadCall
from ft_dcc.production.project_settings import find_project, write_text
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher


def task_of_shot(session, name, frames="1001-1012"):
    """Return a task of a new shot with these frames, 24 fps and 64x36, in a project of its own."""
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/{name}"
    task = ensure_task(session, path, frame_range=FrameRange.parse(frames), fps=Fraction(24))
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    return task


def ignore(frame):
    """Take the number of a captured frame, as a capture reports it."""


def run_in_thread(program, function):
    """Call the function in a thread while the double of a host handles events; return or raise its result."""
    call = ThreadCall(function, "test")
    thread = threading.Thread(target=call.run)
    thread.start()
    program.serve(thread)
    return call.wait(None)


def find_problems(program, host, session, request):
    check = run_in_thread(program, lambda: Publisher(session, host).validate(request))
    return check, {problem.check: problem for problem in check.problems}


def plan_two_shows(session, folder, open_scene, validate):
    """Return asset, frames and watermark of what would be published of two shows in turn, the first one again.

    Each show has a task in a project whose settings on the server name the assets, and a file above its scenes with a
    locked watermark and a range of Maya. ``open_scene`` makes the path that of the open scene.
    """
    shows = []
    for name, ranges in (("North", "animation"), ("South", "playback")):
        task = ensure_task(session, f"{name}{uuid.uuid4().hex[:8]}/SQ010/SH010/Layout")
        write_text(session, find_project(session, task["project_id"]), f'asset_name = "{name} {{task}}"')
        place = folder / name / "scenes"
        place.mkdir(parents=True)
        lines = f'locked = ["watermark"]\nwatermark = "{name}"\nmaya_range = "{ranges}"\n'
        place.with_name("ft_dcc.toml").write_text(lines, encoding="utf-8")
        shows.append((task["id"], place / "scene"))
    planned = []
    for task_id, scene in (*shows, shows[0]):
        open_scene(scene)
        check = validate(PublishRequest(task=task_id))
        request = check.job.request()
        (row,) = check.planned
        with pytest.raises(SettingInvalid, match=r"watermark is locked by .*ft_dcc\.toml, line 1"):
            validate(PublishRequest(task=task_id, watermark="mine"))
        planned.append((row["asset"], row["frames"], request.watermark))
        check.discard()
    return planned
