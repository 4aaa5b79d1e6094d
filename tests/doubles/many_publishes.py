"""Publish frames, playblasts of Maya's double and renders in turn: ``python many_publishes.py`` with JSON on stdin.

The settings of the paths are in the environment. The answer is the list of the versions' ids.
"""

import json
import sys
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doubles.colour_bars import painted
from doubles.maya import sample_scene
from doubles.maya.program import running

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher
from ft_dcc.renders import publish as render_publish
from ft_dcc.renders.log import RenderExecution, RenderLogWriter, RenderOptions
from ft_dcc.renders.renders import read_renders
from ft_dcc.session import Session

FRAMES = range(1001, 1004)


def paint(folder):
    folder.mkdir(parents=True)
    for frame in FRAMES:
        (folder / f"sh.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    return str(folder / "sh.%04d.png")


def publish_render(publisher, task, number, pattern):
    script = Path(pattern).with_name("comp.nk")
    script.write_text(f"# render {number}")
    parts = {"render": f"job {number}", "node": "Write1", "program": "Nuke 15.1", "fps": "24", "views": ("main",)}
    execution = RenderExecution(
        **parts, script=str(script), script_range=(1001, 1003), options=RenderOptions(when="always", task=task)
    )
    record = RenderLogWriter.start(execution)
    for frame in FRAMES:
        record.add(frame, {"main": pattern % frame})
    record.end()
    (render,) = [each for each in read_renders() if each.execution.render == execution.render]
    published = render_publish.publish_render(render, publisher)
    assert published is not None
    return published.first.version_id


def publish_all(session, folder, jobs, tasks, numbers):
    from ft_dcc_maya.host import MayaHost

    versions = []
    maya_host = Publisher(session, MayaHost(), jobs=jobs)
    publisher = Publisher(session, jobs=jobs)
    for number in numbers:
        # Each task gets each kind, from each process.
        task, kind = tasks[number // 3 % len(tasks)], number % 3
        if kind == 0:
            request = PublishRequest(task, "shotCam", frame_range=FrameRange(1001, 1003))
            versions.append(maya_host.publish(request).first.version_id)
            continue
        pattern = paint(folder / "source" / str(number))
        if kind == 1:
            versions.append(publish_render(publisher, task, number, pattern))
        else:
            how = "copy" if number % 2 else "register"
            versions.append(publisher.publish(PublishRequest(task, pattern, source_files=how)).first.version_id)
    return versions


def main():
    job = json.load(sys.stdin)
    with (
        mock.patch("ft_dcc.files.roots.this_system", lambda: job["system"]),
        running(sample_scene.build()) as maya,
        Session() as session,
    ):
        scene = Path(job["folder"], "source", f"sh010 {job['numbers'][0]}.ma")
        scene.parent.mkdir(exist_ok=True)
        scene.write_text(f"// scene {scene.name}")
        maya.scene.path = str(scene)
        print(json.dumps(publish_all(session, Path(job["folder"]), Path(job["jobs"]), job["tasks"], job["numbers"])))


if __name__ == "__main__":
    main()
