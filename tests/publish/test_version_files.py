"""The files of a version on the studio's disk: registered, copied, named by a rule, and never half done."""

import errno
import hashlib
import os
import threading
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars

from ft_dcc import errors
from ft_dcc.files.atomic import new_file
from ft_dcc.files.placing import Claim
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task
from ft_dcc.production.versions import CHECKSUM_KEY
from ft_dcc.publish import version_files
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher
from ft_dcc.session import UNMANAGED_LOCATION_ID, Session

RULE = "{project}/{sequence}/{shot}/review/{shot}_{task}_{version}.mp4"


@pytest.fixture
def publisher(session, jobs, host):
    return Publisher(session, jobs=jobs)


def component_of(session, version, name):
    return session.query(
        f"select id, name, file_type, size, metadata from Component where version_id is {version.version_id} "
        f"and name is {name}"
    ).one()


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_frames_are_a_sequence_with_members_checksums_and_paths(session, publisher, paint, shot):
    frames = paint("1001-1004")
    version = publisher.publish(PublishRequest(shot("1001-1004", "24"), frames.pattern)).first
    assert version.paths == (frames.pattern,)
    sequence = component_of(session, version, "main")
    assert (sequence.entity_type, sequence["file_type"], sequence["padding"]) == ("SequenceComponent", ".png", 4)
    location = session.pick_location(sequence)
    assert location["id"] == UNMANAGED_LOCATION_ID
    assert location.get_filesystem_path(sequence) == frames.pattern
    assert session.get_component_availability(sequence)[location["id"]] == 100
    members = {member["name"]: member for member in sequence["members"]}
    assert sorted(members) == ["1001", "1002", "1003", "1004"]
    for number, member in members.items():
        path = frames.path(int(number))
        assert location.get_filesystem_path(member) == str(path)
        assert (member["size"], member["metadata"][CHECKSUM_KEY]) == (path.stat().st_size, digest(path))
    assert sequence["size"] == sum(member["size"] for member in members.values())


@pytest.mark.parametrize("how", ["none", "register"])
def test_movie_and_image_are_registered_unless_nothing_is(
    session, publisher, root, tmp_path, paint, task, task_path, how
):
    image = paint("1-1").path(1)
    version = publisher.publish(PublishRequest(task_path, str(image), source_files=how)).first
    assert version.paths == ((str(image),) if how == "register" else ())
    with pytest.raises(errors.UserFixableError, match=r"so --movie-path /show/x\.mp4 cannot be applied\."):
        publisher.publish(PublishRequest(task_path, str(image), movie_path="/show/x.mp4"))


def test_movie_is_copied_by_the_rule_and_found_on_other_systems(session, publisher, root, paint, shot, monkeypatch):
    task = shot("1001-1004", "24")
    request = PublishRequest(task, paint("1001-1004").pattern, movie_path=RULE, latest_path="{shot}_latest.mp4")
    first, second = publisher.publish(request).first, publisher.publish(request).first
    project = task.split("/")[0]
    wanted = [root / project / "SQ010/SH010/review" / f"SH010_Animation_v00{number}.mp4" for number in (1, 2)]
    assert [version.paths[1] for version in (first, second)] == list(map(str, wanted))
    assert (root / "SH010_latest.mp4").read_bytes() == wanted[1].read_bytes()
    assert sorted(path.name for path in wanted[0].parent.iterdir()) == [path.name for path in wanted]
    assert component_of(session, first, "movie")["metadata"][CHECKSUM_KEY] == digest(wanted[0])
    moved = root.with_name("elsewhere")
    root.rename(moved)
    monkeypatch.setenv("FT_DCC_ROOTS", rf"show: linux={root}, macos={moved}, windows=P:\show")
    monkeypatch.setattr("ft_dcc.files.roots.this_system", lambda: "macos")
    with Session(session.server_url, session.api_key, session.api_user) as other:
        component = component_of(other, first, "movie")
        assert other.pick_location(component).get_filesystem_path(component) == str(moved / wanted[0].relative_to(root))


def test_existing_file_is_a_problem_before_the_capture_and_the_repair_takes_the_next_number(
    session, publisher, root, paint, shot
):
    task = shot("1001-1002", "24")
    target = root / task.split("/")[0] / "SQ010/SH010/review/SH010_Animation_v001.mp4"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"somebody else's")
    check = publisher.validate(PublishRequest(task, paint("1001-1002").pattern, movie_path=RULE))
    (problem,) = check.problems
    assert problem.message == f"{target} exists already, and is not written over. Publish as another version."
    assert check.repair(problem) is None
    version = check.publish().first
    assert (version.version, version.paths[1]) == (2, str(target.with_name("SH010_Animation_v002.mp4")))
    assert target.read_bytes() == b"somebody else's"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"movie_path": "{shott}.mp4"}, "Did you mean {shot}?"),
        ({"movie_path": "../{shot}.mp4"}, "without '..'"),
        ({"movie_path": "{shot}.mov"}, "the files are .mp4"),
        ({"movie_path": "{shot}./{version}.mp4"}, "cannot be the name of a file or folder on Windows"),
        ({"source_files": "copy"}, "storage scenario cannot take copies"),
    ],
)
def test_invalid_rule_is_one_sentence_before_the_capture(publisher, root, paint, shot, values, message):
    request = PublishRequest(shot("1001-1002", "24"), paint("1001-1002").pattern, **values)
    with pytest.raises(errors.Error) as caught:
        publisher.publish(request)
    assert message in str(caught.value)
    assert not any(root.iterdir())
    # Another number would not help.
    assert getattr(getattr(caught.value, "problem", None), "repair", None) is None


def test_frames_are_copied_into_the_storage_scenario_by_its_structure(session, publisher, storage, paint, shot):
    frames = paint("1001-1003")
    task = shot("1001-1003", "24")
    request = PublishRequest(task, frames.pattern, source_files="copy", movie_path="{shot}_{version}.mp4")
    version = publisher.publish(request).first
    folder = storage / task.split("/")[0].lower() / "sq010/sh010/animation/v001"
    assert version.paths == (str(folder / "main.%04d.png"), str(storage / "SH010_v001.mp4"))
    assert {path.name: digest(path) for path in folder.iterdir()} == {
        f"main.{number}.png": digest(frames.path(number)) for number in (1001, 1002, 1003)
    }
    session.reset()
    for name, path in (("main", folder / "main.%04d.png"), ("movie", storage / "SH010_v001.mp4")):
        component = component_of(session, version, name)
        assert session.pick_location(component).get_filesystem_path(component) == str(path)


def test_number_of_the_file_is_the_version_and_a_collision_offers_the_next(session, publisher, paint, shot):
    task, pattern = shot("1001-1002", "24"), paint("1001-1002", name="sh010_anim_v012").pattern
    request = PublishRequest(task, pattern, version_from="file")
    assert publisher.publish(request).first.version == 12
    check = publisher.validate(request)
    (problem,) = check.problems
    assert problem.message.startswith("Version 12 of Animation exists already. The next number is 13")
    assert check.repair(problem) is None
    assert check.publish().first.version == 13


def test_a_file_without_a_number_is_told_how_it_is_read(publisher, paint, shot, monkeypatch):
    task = shot("1001-1002", "24")
    by_take = PublishRequest(task, paint("1001-1002", name="sh010_take7").pattern, version_from="file")
    with monkeypatch.context() as patch:
        patch.setenv("FT_DCC_VERSION_PATTERN", r"take(\d+)")
        assert publisher.publish(by_take).first.version == 7
    request = PublishRequest(task, paint("1001-1002").pattern, version_from="file")
    with pytest.raises(errors.UserFixableError, match=r"sh010.%04d.png has no version number, such as v012"):
        publisher.publish(request)


@pytest.mark.parametrize("step", ["capture", "store", "upload ftrackreview-mp4"])
def test_cancel_removes_what_was_copied_and_nothing_else(session, root, jobs, paint, shot, step):
    task, pattern = shot("1001-1002", "24"), paint("1001-1002").pattern
    cancel = threading.Event()
    publisher = Publisher(
        session, jobs=jobs, cancel=cancel, on_progress=lambda p: cancel.set() if p.step == step else None
    )
    if step == "capture":
        cancel.set()
    with pytest.raises(errors.Cancelled):
        publisher.publish(PublishRequest(task, pattern, movie_path=RULE))
    assert not list(root.rglob("*"))


def test_resume_after_a_lost_server_copies_nothing_twice(session, root, publisher, paint, shot, monkeypatch):
    task, pattern = shot("1001-1002", "24"), paint("1001-1002").pattern
    places = []
    place = Claim.place
    monkeypatch.setattr(
        Claim, "place", lambda self, *paths, **options: places.append(paths) or place(self, *paths, **options)
    )
    with monkeypatch.context() as lost:
        lost.setattr("ft_dcc.publish.version_transaction.make_version_ops", _unreachable)
        with pytest.raises(errors.ServerUnreachable) as caught:
            publisher.publish(PublishRequest(task, pattern, movie_path=RULE))
    version = publisher.resume(caught.value.details["job"]).first
    assert len(places) == 1
    assert [path.name for path in Path(version.paths[1]).parent.iterdir()] == ["SH010_Animation_v001.mp4"]


@pytest.mark.parametrize(
    ("number", "opened", "remedy"),
    [(errno.ENOSPC, 4, "Free some space there."), (errno.EROFS, 1, "Make it writable, or change the rule.")],
)
def test_disk_that_refuses_a_copy_keeps_none_and_the_resume_copies_each_file_once(
    session, publisher, storage, paint, shot, monkeypatch, number, opened, remedy
):
    task, frames, paths = shot("1001-1004", "24"), paint("1001-1004"), []

    @contextmanager
    def refusing(path):
        paths.append(path.name)
        if len(paths) >= opened:
            raise OSError(number, os.strerror(number))
        with new_file(path) as file:
            yield file

    with monkeypatch.context() as full, pytest.raises(errors.StorageError) as caught:
        full.setattr("ft_dcc.files.placing.new_file", refusing)
        publisher.publish(PublishRequest(task, frames.pattern, source_files="copy", movie_path="{shot}_{version}.mp4"))
    assert f" cannot be written: {os.strerror(number)}. {remedy} Afterwards: " in str(caught.value)
    assert not list(storage.rglob("*"))
    assert not session.query(f"AssetVersion where task_id is {ensure_task(session, task)['id']}").all()
    opened = 100
    monkeypatch.setattr("ft_dcc.files.placing.new_file", refusing)
    paths.clear()
    version = publisher.resume(caught.value.details["job"]).first
    assert len(paths) == len({name.partition(".part")[0] for name in paths}) == 2 + 4 + 1
    assert len([path for path in storage.rglob("*") if path.is_file()]) == 4 + 1
    assert version.version == 1


def _unreachable(instance):
    raise errors.ServerUnreachable("The server is away.")


def test_deleting_a_version_keeps_its_registered_frames(session, publisher, paint, shot):
    frames = paint("1001-1002")
    version = publisher.publish(PublishRequest(shot("1001-1002", "24"), frames.pattern)).first
    session.delete(session.get("AssetVersion", version.version_id))
    session.commit()
    assert not frames.missing()


def test_repair_of_a_number_saves_the_scene_under_the_next_one(session, jobs, shot, tmp_path, root):
    scene = tmp_path / "sh010_anim_v012.ma"
    scene.write_bytes(b"the scene")
    task = shot("1001-1002", "24")
    host = ColourBars(attrs.evolve(SCENE, frame_range=FrameRange(1001, 1002)))
    host.save(scene)
    publisher = Publisher(session, host, jobs=jobs)
    request = PublishRequest(task, version_from="file", movie_path=RULE, burnin={"top left": "{version}"})
    first = publisher.publish(request).first
    assert (first.version, first.paths[0]) == (12, str(scene))
    check = publisher.validate(request)
    assert check.repair(check.problems[0]) is None
    second = check.publish().first
    renamed = scene.with_name("sh010_anim_v013.ma")
    assert (second.version, second.paths[0], renamed.exists()) == (13, str(renamed), True)
    assert second.paths[1].endswith("SH010_Animation_v013.mp4")


def test_two_sources_with_one_path_are_a_problem_before_the_capture(publisher, root, paint, shot, monkeypatch):
    plans, plan = [], version_files.plan
    monkeypatch.setattr(version_files, "plan", lambda *args: plans.append(args) or plan(*args))
    task, patterns = shot("1001-1002", "24"), [paint("1001-1002", name=name).pattern for name in ("a", "b")]
    check = publisher.validate(PublishRequest(task, patterns, movie_path="{shot}_{version}.mp4"))
    assert [problem.message.partition(" would both be written to ")[0] for problem in check.problems] == [
        "a and b",
        "b and a",
    ]
    check.discard()
    plans.clear()
    check = publisher.validate(PublishRequest(task, patterns, movie_path="{shot}_{source}.mp4"))
    # Each source is planned once, however many others there are.
    assert (check.problems, len(plans)) == ((), 2)
    assert {each.paths[1] for each in check.publish().versions} == {str(root / f"SH010_{name}.mp4") for name in "ab"}
