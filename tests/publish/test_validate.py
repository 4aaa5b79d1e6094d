"""Validation errors and their messages; missing permissions are reported before the capture."""

import json
import uuid
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars, painted, write_painted
from doubles.numbered_images import run_ffmpeg

from ft_dcc import errors
from ft_dcc.errors import PermissionDeniedError
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.media import ColourOptions
from ft_dcc.production.versions import OK, read_versions, verify
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.server.admin.service import open_admin
from ft_dcc.session import Session


def versions_of(session, task):
    return session.query(f"select asset.name from AssetVersion where task_id is '{task['id']}'").all()


def test_two_invalid_sources_do_not_block_a_valid_one(session, task, task_path, paint, jobs, tmp_path):
    (tmp_path / "notes.mov").write_text("this is no film", encoding="utf-8")
    gap, good = paint("1-6", name="gap", missing=(3, 4)), paint("1-6", name="good")
    sources = (gap.pattern, str(tmp_path / "notes.mov"), good.pattern)
    published = publish(PublishRequest(task=task_path, source=sources, fps=Fraction(24)), session, jobs=jobs)
    assert [version.source for version in published.versions] == ["good"]
    assert [problem.instance for problem in published.problems] == ["notes", "gap"]
    assert "3-4" in published.problems[1].message
    assert [version["asset"]["name"] for version in versions_of(session, task)] == ["Animation good"]


def test_problems_of_all_validators_are_reported_at_once(session, paint, jobs):
    request = PublishRequest(task="Nobody/SH010/Animation", source=paint("1-6", missing=(2,)).pattern)
    with pytest.raises(errors.ValidationFailed) as caught:
        publish(request, session, jobs=jobs)
    assert [problem.check for problem in caught.value.problems] == ["Task", "Missing frames"]


def test_closed_review_session_is_rejected(session, host, task, task_path, jobs):
    first = publish(PublishRequest(task=task_path, review="Closed"), session, host, jobs=jobs).first
    session.get("ReviewSession", first.review_session_id)["end_date"] = "2001-01-01T00:00:00"
    session.commit()
    with pytest.raises(errors.ReviewSessionClosed, match="Closed"):
        publish(PublishRequest(task=task_path, review="Closed"), session, host, jobs=jobs)
    assert (host.captures, len(versions_of(session, task))) == (1, 1)


def test_missing_camera_is_reported_with_the_existing_ones(session, task, task_path, jobs):
    with pytest.raises(errors.CameraMissing, match="no camera"):
        publish(PublishRequest(task=task_path), session, ColourBars(attrs.evolve(SCENE, sources=())), jobs=jobs)
    with pytest.raises(errors.CameraMissing, match=r"persp.*bars, second"):
        publish(PublishRequest(task=task_path, source="persp"), session, ColourBars(), jobs=jobs)


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ({"frame_range": FrameRange(1001, 1013)}, "The frame range is 1001-1013; expected 1001-1012."),
        ({"fps": Fraction(24)}, "The frame rate is 24 fps; expected 23.976 fps."),
    ],
)
def test_scene_that_differs_from_the_shot_is_rejected(session, shot, jobs, scene, words):
    good = attrs.evolve(SCENE, frame_range=FrameRange(1001, 1012), fps=Fraction(24000, 1001))
    task_path, host = shot("1001-1012", "23.976"), ColourBars(attrs.evolve(good, **scene))
    with pytest.raises(errors.ValueMismatch) as caught:
        publish(PublishRequest(task=task_path), session, host, jobs=jobs)
    assert str(caught.value).startswith(words)
    assert host.captures == 0


def test_files_that_differ_from_the_shot_are_described_as_files(session, shot, jobs, tmp_path):
    write_painted(tmp_path, (1001, 1002), "sh")
    request = PublishRequest(shot("1001-1012", "24"), str(tmp_path / "sh.%04d.png"), resolution=Resolution(32, 18))
    with pytest.raises(errors.ValidationFailed) as caught:
        publish(request, session, jobs=jobs)
    assert [problem.message for problem in caught.value.problems] == [
        "The source has 1001-1002; the shot wants 1001-1012. Render the rest.",
        "The images are 64x36; expected 32x18. They are checked and not scaled.",
    ]
    assert caught.value.details["job"] in {path.name for path in jobs.iterdir()}


def test_files_with_more_frames_than_the_shot_need_no_render(session, shot, jobs, tmp_path):
    write_painted(tmp_path, range(1001, 1007), "sh")
    run_ffmpeg("-framerate", "24", "-start_number", "1001", "-i", tmp_path / "sh.%04d.png", tmp_path / "a.mov")
    sources = (str(tmp_path / "sh.%04d.png"), str(tmp_path / "a.mov"))
    with pytest.raises(errors.ValidationFailed) as caught:
        publish(PublishRequest(task=shot("1001-1004", "24"), source=sources), session, jobs=jobs)
    what = "The source has 1001-1006; the shot wants 1001-1004. "
    assert [problem.message for problem in caught.value.problems] == [
        f"{what}Publish only these, or all of them.",
        f"{what}Export only these.",
    ]


def test_a_variable_rate_is_asked_for_before_the_frames_are_compared(session, shot, jobs, tmp_path):
    pause = "setpts='if(gt(N,10),N+3,N)/24/TB'"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x36:rate=24:duration=1", "-vf", pause, "-fps_mode", "vfr"),
        tmp_path / "phone.mp4",
    )
    with pytest.raises(errors.ValueMismatch, match="variable frame rate"):
        publish(PublishRequest(task=shot("1001-1004", "24"), source=str(tmp_path / "phone.mp4")), session, jobs=jobs)


def test_two_sources_of_one_name_have_their_file_names(session, task, task_path, jobs, tmp_path):
    write_painted(tmp_path, (1, 3), "sh")
    (tmp_path / "sh.mov").write_bytes(b"no movie")
    sources = (str(tmp_path / "sh.%d.png"), str(tmp_path / "sh.mov"))
    with pytest.raises(errors.ValidationFailed) as caught:
        publish(PublishRequest(task=task_path, source=sources, fps=Fraction(24)), session, jobs=jobs)
    assert {problem.instance for problem in caught.value.problems} == {"sh.%d.png", "sh.mov"}


def test_a_range_after_a_pattern_is_published(session, task, task_path, paint, jobs):
    pattern = paint("1-6", name="long").pattern
    published = publish(PublishRequest(task=task_path, source=f"{pattern} 2-4", fps=Fraction(24)), session, jobs=jobs)
    report = json.loads((published.job / "report.json").read_text(encoding="utf-8"))
    assert [(found["source"], found["frames"]) for found in report["found"]] == [("long", "2-4")]


@pytest.mark.parametrize(("suffix", "frame"), [("png", 1), ("exr", 3)])
def test_a_frame_that_cannot_be_read_is_named_by_its_number(session, task, task_path, paint, jobs, suffix, frame):
    source = Path(paint("1-5").pattern)
    pattern = source.with_suffix(f".{suffix}")
    if suffix != "png":
        pixels = ("-pix_fmt", "gbrpf32le") if suffix == "exr" else ()
        run_ffmpeg("-i", source, *pixels, pattern)
    unreadable = pattern.with_name(pattern.name % frame)
    unreadable.unlink()
    unreadable.mkdir()
    # Else it would count as an empty frame on some file systems.
    (unreadable / "content").touch()
    with pytest.raises(
        errors.FramesMissing, match=rf"Frame {frame} cannot be read: .*: (is a directory|permission denied)\."
    ):
        publish(PublishRequest(task=task_path, source=str(pattern), fps=Fraction(24)), session, jobs=jobs)


def test_layers_of_images_without_layers_are_refused(session, task, task_path, jobs, tmp_path):
    (tmp_path / "a.png").write_bytes(painted(1, Resolution(64, 36)))
    request = PublishRequest(task=task_path, source=str(tmp_path / "a.png"), colour=ColourOptions(layer="key"))
    with pytest.raises(errors.UserFixableError, match=r"a\.png has no layers"):
        publish(request, session, jobs=jobs)


@pytest.mark.parametrize(
    ("colour", "named", "source"),
    [
        (ColourOptions(display="sRGB - Display"), "--display", "sh010.0001.png"),
        (ColourOptions(view="no view of the config"), "--view", "sh010.%04d.png"),
        (ColourOptions(display="sRGB - Display", view="Raw"), "--display and --view", "sh010.%04d.png"),
    ],
)
def test_display_and_view_of_images_of_no_known_colour_space_are_refused(
    session, task, task_path, paint, jobs, tmp_path, source, colour, named
):
    paint("1-2")
    request = PublishRequest(task=task_path, source=str(tmp_path / "sh010" / source), fps=Fraction(24), colour=colour)
    words = (
        rf"sh010\..*png is shown unchanged, .* so {named} cannot be applied\. Name the colour space .*--colour-space"
    )
    with pytest.raises(errors.UserFixableError, match=words):
        publish(request, session, jobs=jobs)


def test_display_and_view_of_the_settings_do_not_refuse_images(session, task, task_path, paint, jobs, monkeypatch):
    monkeypatch.setenv("FT_DCC_DISPLAY", "sRGB - Display")
    monkeypatch.setenv("FT_DCC_VIEW", "Raw")
    request = PublishRequest(task=task_path, source=paint("1-2").pattern, fps=Fraction(24))
    assert publish(request, session, jobs=jobs).versions


def test_lack_of_disk_space_is_reported_before_the_capture(session, task, task_path, jobs):
    # A resolution that needs more space than any disk has.
    host = ColourBars(attrs.evolve(SCENE, frame_range=FrameRange(1, 2**31), resolution=Resolution(32768, 32768)))
    with pytest.raises(errors.StorageError, match="MiB free, this publish needs") as caught:
        publish(PublishRequest(task=task_path), session, host, jobs=jobs)
    assert host.captures == 0
    # Images and movies are compressed: 10,000 frames of 1080p do not need the 60 GiB of their pixels.
    needed = int(str(caught.value).split("this publish needs ")[1].split(" MiB")[0].replace(",", "")) << 20
    pixels = 2**31 * 32768**2 * 3
    assert pixels // 10 < needed < pixels // 3


@pytest.fixture
def ida(server_process):
    """Give a user a role in a project, like ``ft-dcc studio user``: ``ida("Reviewer", "Film")``; ``ida.session()``."""
    return Ida(server_process)


class Ida:
    def __init__(self, server):
        self.server, self.name = server, f"ida{uuid.uuid4().hex[:8]}"

    def __call__(self, role, *projects):
        with open_admin(self.server.data) as owner:
            owner.run("user", name=self.name, role=role, projects=list(projects))

    def session(self):
        with open_admin(self.server.data) as owner:
            made = owner.run("key", user=self.name)
        return Session(self.server.url, made["FTRACK_API_KEY"], made["FTRACK_API_USER"])


def test_user_without_permission_is_rejected_before_the_capture(session, ida, host, task, task_path, jobs):
    ida("Reviewer")
    with ida.session() as theirs:
        with pytest.raises(PermissionDeniedError) as caught:
            publish(PublishRequest(task=task_path, review="Dailies"), theirs, host, jobs=jobs)
        said = str(caught.value)
        assert f"{ida.name} may not create Asset, AssetVersion, FileComponent, ReviewSessionObject on" in said
        assert task_path.split("/")[0] in said
        assert host.captures == 0
        shot = theirs.get("Shot", task["parent_id"])
        shot.create_note("Lights are too low.", theirs.query(f"User where username is {ida.name}").one())
        theirs.commit()
        assert session.query(f"Note where parent_id is {shot['id']}").one()["content"] == "Lights are too low."
        shot["description"] = "mine"
        with pytest.raises(PermissionDeniedError, match=r"A Reviewer may write notes only, .* not a Shot"):
            theirs.commit()
        theirs.rollback()
        ida("User")
        published = publish(PublishRequest(task=task_path, review="Dailies"), theirs, host, jobs=jobs)
    assert (host.captures, len(published.versions)) == (1, 1)


@pytest.mark.parametrize("how", ["register", "copy"])
def test_user_with_a_role_publishes_frames_and_their_movie_on_disk(
    session, ida, storage, paint, task, task_path, jobs, how
):
    ida("User", task_path.split("/")[0])
    request = PublishRequest(
        task_path, paint("1001-1002").pattern, fps=Fraction(24), source_files=how, movie_path="{version}.mp4"
    )
    with ida.session() as theirs:
        theirs.server_information["storage_scenario"] = session.server_information["storage_scenario"]
        theirs.reset()
        (found,) = read_versions(theirs, [publish(request, theirs, jobs=jobs).first.version_id])
    assert [(part.name, len(part.files)) for part in found.components] == [("main", 2), ("movie", 1)]
    assert {state for _, _, state in verify(found)} == {OK}


def test_permission_in_another_project_is_not_sufficient(session, ida, host, task, task_path, jobs):
    own = session.create("Project", {"name": f"own{uuid.uuid4().hex[:8]}"})
    session.commit()
    ida("User", own["name"])
    user = session.query(f"User where username is {ida.name}").one()
    given = {"user_id": user["id"], "role_id": session.query("SecurityRole where name is Reviewer").one()["id"]}
    session.call(
        [
            {"action": "add_user_security_role", **given},
            {"action": "grant_user_security_role_project", **given, "project_id": task["project_id"]},
        ]
    )
    with ida.session() as theirs, pytest.raises(PermissionDeniedError, match="create Asset, AssetVersion on"):
        publish(PublishRequest(task=task_path), theirs, host, jobs=jobs)
    assert host.captures == 0
