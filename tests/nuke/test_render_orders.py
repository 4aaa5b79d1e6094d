"""Renders in random orders: each gives one whole version or one question, and never a part of a sequence unasked."""

import os
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from doubles.nuke.sample_script import set_knobs
from run_options import seeded

from ft_dcc.frames import find_frames
from ft_dcc.publish.jobs.job import Job
from ft_dcc.renders.log import RenderExecution, RenderLogWriter, RenderOptions
from ft_dcc.renders.publish import current_renders, publish_ready
from ft_dcc.renders.renders import read_renders

FRAMES = range(1001, 1007)
STEPS = (
    "all",
    "some",
    "some",
    "cancel",
    "delete",
    "longer",
    "restart",
    "by hand",
    "farm",
    "farm named",
    "farm unnamed",
)


class RecordingPublisher:
    """A publisher without a server: it records the frames of each version, which must be on disk."""

    def __init__(self, jobs):
        self.jobs, self.session = jobs, SimpleNamespace(server_url="http://127.0.0.1:1", server_information={})
        self.versions = []

    def resume(self, job_id):
        request = Job(self.jobs / job_id).request()
        assert [frame for frame in request.frame_range if not Path(request.source[0] % frame).is_file()] == []
        self.versions.append((Path(request.source[0]).name, tuple(request.frame_range)))
        return SimpleNamespace(first=SimpleNamespace(link="", sentence="A version is in review."))


@pytest.fixture
def publisher(nuke, tmp_path, monkeypatch):
    from ft_dcc_nuke.renders import render_watcher

    publisher = RecordingPublisher(tmp_path / "jobs")

    @contextmanager
    def opened():
        yield publisher

    monkeypatch.setattr("ft_dcc.ui.menu_commands.open_publisher", opened)
    # At once instead of in the thread, whose tests are those of the callbacks.
    monkeypatch.setattr(render_watcher, "wake", lambda poll=False: render_watcher._watcher._check_renders())
    return publisher


class Shot:
    """A Write with the tab on "always", and what the sequences of its views must be."""

    def __init__(self, nuke, folder, random):
        import ft_dcc_nuke
        from ft_dcc_nuke import tab

        self.nuke, self.folder, self.random = nuke, folder, random
        self.views = ["main", "right"] if random.random() < 0.3 else ["main"]
        nuke.view_names = list(self.views)
        set_knobs(nuke.root, first_frame=FRAMES[0], last_frame=FRAMES[-1], name=(folder / "comp.nk").as_posix())
        self.write = nuke.find("Write1")
        set_knobs(self.write, file=(folder / "comp_%V.%04d.png").as_posix())
        ft_dcc_nuke.start()
        tab.add(self.write, "always")
        self.on_disk, self.new = set(), set()

    def names(self):
        return [f"comp_{view}.%04d.png" for view in self.views]

    def some(self):
        first, last = sorted(self.random.choices(FRAMES, k=2))
        # With a step from the first frame to the last one, the sequence would have this step.
        return range(first, last + 1, self.random.choice((1, 1, 2)) if first > FRAMES[0] else 1)

    def render(self, frames, cancelled_at=None):
        self.nuke.cancel_at = cancelled_at
        self.nuke.render(self.write, frames[0], frames[-1], frames.step)
        self.written(frame for frame in frames if cancelled_at is None or frame < cancelled_at)

    def written(self, frames):
        frames = set(frames)
        self.on_disk |= frames
        self.new |= frames & set(FRAMES)

    def farm(self, frames, requested, publisher):
        """Render on a farm, a task a frame, with a round of ``renders publish`` after each."""
        options = RenderOptions("always")
        facts = (f"job {self.random.random()}", "Write1", str(self.folder / "comp.nk"), "Nuke 15.1v3", options, "24")
        for frame in self.random.sample(frames, len(frames)):
            log = RenderLogWriter.start(RenderExecution(*facts, (1001, 1006), self.views, requested=requested))
            files = {view: self.folder / f"comp_{view}.{frame}.png" for view in self.views}
            for path in files.values():
                path.write_bytes(b"picture")
            log.add(frame, {view: str(path) for view, path in files.items()})
            log.end()
            self.written([frame])
            list(publish_ready(publisher, read_renders()))

    def delete(self):
        for frame in self.on_disk and self.random.sample(sorted(self.on_disk), 1):
            for view in self.views:
                (self.folder / f"comp_{view}.{frame}.png").unlink()
            self.on_disk.discard(frame)
            self.new.discard(frame)


def take(step, shot, publisher):
    """Take the step; return whether its frames are all that were wanted, so that a whole sequence is a version."""
    from ft_dcc_nuke.renders import render_watcher

    if step in ("all", "some"):
        shot.render(FRAMES if step == "all" else shot.some())
        return True
    if step == "cancel":
        shot.render(FRAMES, shot.random.choice(FRAMES))
    elif step == "longer":
        for frame in (1000, 1007):
            shot.written([frame])
            for view in shot.views:
                (shot.folder / f"comp_{view}.{frame}.png").write_bytes(b"picture")
    elif step == "delete":
        shot.delete()
    elif step == "restart":
        render_watcher._watcher = render_watcher.RenderWatcher()
    elif step == "farm":
        shot.farm(FRAMES, "", publisher)
        return True
    elif step == "farm named":
        frames = shot.random.choice((FRAMES, range(1003, 1004), range(1002, 1005)))
        shot.farm(frames, f"{frames[0]}-{frames[-1]}", publisher)
        return True
    elif step == "farm unnamed":
        # Which other frames follow is unknown.
        shot.farm(range(1002, 1005), "", publisher)
    return False


def publish_by_hand(shot, publisher):
    """Publish from the menu, and check the questions and their effect."""
    from ft_dcc_nuke import commands

    nuke, before = shot.nuke, len(publisher.versions)
    current = {Path(each.render.source).name: each for each in current_renders(read_renders())}
    answer = shot.random.random() < 0.5
    nuke.messages, nuke.answers = [], [answer] * 2
    sentences = commands._publish_recorded(["Write1"], (shot.folder / "comp.nk").as_posix()).split("\n")
    asked = {name for name in current if any(name in message for message in nuke.messages)}
    versions = publisher.versions[before:]
    for name, each in current.items():
        is_whole = each.render.is_complete and bool(each.new)
        is_contiguous = not any("Frames of Write1 are missing" in sentence for sentence in sentences)
        assert (name in asked) == (not is_whole and is_contiguous), (name, nuke.messages, sentences)
        made = [frames for source, frames in versions if source == name]
        assert len(made) == ((answer or is_whole) and is_contiguous), (name, made)
        if is_whole:
            assert made == [tuple(FRAMES)]
    if versions:
        shot.new = set()


@pytest.mark.parametrize("number", range(int(os.environ.get("FT_DCC_RENDER_ORDERS", "20"))))
def test_a_random_order_of_renders_gives_whole_versions_or_questions(nuke, tmp_path, publisher, number):
    random = seeded(f"render order {number}")
    shot = Shot(nuke, tmp_path / "out", random)
    for step in random.choices(STEPS, k=8):
        if step == "by hand":
            publish_by_hand(shot, publisher)
            continue
        before = len(publisher.versions)
        is_all_wanted = take(step, shot, publisher)
        versions, is_whole = publisher.versions[before:], shot.on_disk >= set(FRAMES)
        assert set(versions) <= {(name, tuple(FRAMES)) for name in shot.names()}, step
        assert len(versions) == len(shot.views) * (is_all_wanted and is_whole), (number, step)
        if versions:
            shot.new = set()
        for each in current_renders(read_renders()):
            assert each.new == tuple(sorted(shot.new)), (number, step)
            assert set(each.render.missing) == set(FRAMES) - shot.on_disk
            found = find_frames(each.render.source) if shot.on_disk else FRAMES
            assert (found == FRAMES) or each.render.outside == tuple(sorted(shot.on_disk - set(FRAMES)))
