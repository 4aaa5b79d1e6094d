"""The scene file as a component of the version and its way back, and orders that a host program carries out."""

import hashlib
import json
import threading
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars

from ft_dcc import errors
from ft_dcc.errors import NotFoundError, TransferFailed, UserFixableError
from ft_dcc.frames import FrameRange
from ft_dcc.production import versions
from ft_dcc.publish import models
from ft_dcc.publish.jobs.queue import process_queue
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.publish.scene_order import SceneAnswer, SceneOrder, answer_order
from ft_dcc.session import operations
from ft_dcc.session.transfer.transfer import remove
from ft_dcc.session.transport import http

CONTENT = b"a scene" * 1000


@pytest.fixture
def scene_path(tmp_path):
    path = tmp_path / "sh 010.blend"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def make_host(scene_path):
    return lambda **values: ColourBars(attrs.evolve(SCENE, **{"path": scene_path, "is_modified": False, **values}))


@pytest.fixture
def request_of(task_path, task):
    return lambda **values: PublishRequest(task_path, frame_range=FrameRange(1001, 1012), fps=Fraction(24), **values)


def origin_of(session, published):
    query = f"select metadata from AssetVersion where id is '{published.first.version_id}'"
    return json.loads(session.query(query).one()["metadata"]["ft_dcc_origin"])


def test_version_contains_the_scene_file_and_its_revision(session, make_host, request_of, jobs, scene_path, tmp_path):
    published = publish(request_of(include_scene=True), session, make_host(), jobs=jobs)
    assert {part.name for part in published.first.components} == {"ftrackreview-mp4", "thumbnail", "scene"}
    digest = hashlib.sha256(CONTENT).hexdigest()
    modified = datetime.fromtimestamp(scene_path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds")
    assert origin_of(session, published) == {
        "file": str(scene_path),
        "sha256": digest,
        "modified": modified,
        "camera": "bars",
        "program": "Colour bars 1.0",
        "engine": "",
        "has_unsaved_changes": False,
    }
    component = versions.find_component(session, published.first.version_id)
    assert (component.name, component.file_name, component.sha256) == (
        "scene",
        "SH010_Animation_v001_scene.blend",
        digest,
    )
    path = versions.fetch(session, component, tmp_path / "new" / "folder")
    assert (path.name, path.read_bytes()) == (component.file_name, CONTENT)


def test_scene_file_is_left_out_unless_it_is_requested(session, make_host, request_of, jobs, monkeypatch):
    published = publish(request_of(source_files="none"), session, make_host(), jobs=jobs)
    assert {part.name for part in published.first.components} == {"ftrackreview-mp4", "thumbnail"}
    with pytest.raises(UserFixableError, match=r"does not contain its scene file.*ftrackreview-mp4, thumbnail"):
        versions.find_component(session, published.first.version_id)
    monkeypatch.setenv("FT_DCC_INCLUDE_SCENE", "true")
    published = publish(request_of(), session, make_host(), jobs=jobs)
    assert "scene" in {part.name for part in published.first.components}
    published = publish(request_of(include_scene=False), session, make_host(), jobs=jobs)
    assert "scene" not in {part.name for part in published.first.components}


def test_scene_with_unsaved_changes_is_saved_by_the_repair(session, make_host, request_of, jobs):
    check = Publisher(session, make_host(is_modified=True), jobs=jobs).validate(request_of(include_scene=True))
    (problem,) = check.problems
    assert problem.check == "Scene file"
    assert problem.message.startswith("sh 010.blend has unsaved changes, which the version would not contain.")
    assert problem.repair == "Save the scene"
    assert check.repair(problem) is None
    published = check.publish()
    assert not origin_of(session, published)["has_unsaved_changes"]
    assert "scene" in {part.name for part in published.first.components}


@pytest.mark.parametrize("values", [{"path": None}, {"is_modified": True}])
def test_scene_file_of_another_state_is_refused(session, make_host, request_of, jobs, values):
    host = make_host(**values)
    with pytest.raises(UserFixableError, match="Save it"):
        publish(request_of(include_scene=True), session, host, jobs=jobs)
    assert host.captures == 0


def test_setting_does_not_apply_to_files_without_a_host(session, task, task_path, paint, jobs, monkeypatch):
    monkeypatch.setenv("FT_DCC_INCLUDE_SCENE", "true")
    published = publish(PublishRequest(task_path, paint("1-3").pattern, fps=Fraction(24)), session, jobs=jobs)
    assert "scene" not in {part.name for part in published.first.components}


def test_files_that_do_not_come_from_a_scene_have_no_scene_file(session, task, task_path, paint, jobs):
    request = PublishRequest(task_path, paint("1-3").pattern, fps=Fraction(24), include_scene=True)
    with pytest.raises(UserFixableError, match="does not come from an open scene"):
        publish(request, session, jobs=jobs)


def test_scene_that_changes_after_an_offline_capture_is_published_as_it_was(
    session, make_host, request_of, jobs, scene_path
):
    offline = SimpleNamespace(server_url=session.server_url, server_information={}, closed=False)
    Publisher(offline, make_host(), jobs=jobs).enqueue(request_of(include_scene=True))
    scene_path.write_bytes(b"the next day")
    (job,) = (folder.name for folder in jobs.iterdir() if folder.is_dir())
    published = Publisher(session, jobs=jobs).resume(job)
    assert origin_of(session, published)["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    (scene,) = (part for part in published.first.components if part.name == "scene")
    assert scene.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def with_scene(session, make_host, request_of, jobs):
    return publish(request_of(include_scene=True), session, make_host(), jobs=jobs).first.version_id


def test_existing_file_is_never_written_over(session, with_scene, tmp_path):
    component = versions.find_component(session, with_scene)
    target = tmp_path / component.file_name
    target.write_bytes(b"own work")
    with pytest.raises(UserFixableError, match=r"_scene\.blend exists\. Move it"):
        versions.fetch(session, component, tmp_path)
    assert target.read_bytes() == b"own work"


def test_content_with_another_checksum_is_not_written(session, with_scene, tmp_path):
    component = versions.find_component(session, with_scene)
    session.call([operations.update("Metadata", (component.id, "ft_dcc_sha256"), {"value": "0" * 64})])
    folder = tmp_path / "fetched"
    with pytest.raises(TransferFailed, match="scene does not have the checksum of the file that was published"):
        versions.fetch(session, versions.find_component(session, with_scene), folder)
    assert list(folder.iterdir()) == []


def test_one_of_two_simultaneous_downloads_writes_the_file(session, with_scene, tmp_path):
    component, results = versions.find_component(session, with_scene), []

    def work():
        try:
            results.append(versions.fetch(session, component, tmp_path))
        except UserFixableError:
            results.append(None)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(None) == 1
    assert (tmp_path / component.file_name).read_bytes() == CONTENT


def test_version_or_component_that_does_not_exist_is_one_sentence(session, with_scene):
    with pytest.raises(NotFoundError, match="There is no version none"):
        versions.find_component(session, "none")
    with pytest.raises(UserFixableError, match=r"no component camera\. Its components are: ftrackreview-mp4, scene"):
        versions.find_component(session, with_scene, "camera")


def test_names_with_separators_stay_inside_the_folder(session, with_scene, tmp_path):
    component = versions.find_component(session, with_scene)
    session.call([operations.update("FileComponent", component.id, {"name": "../../up", "file_type": "/../x"})])
    found = versions.find_component(session, with_scene, "../../up")
    assert found.file_name == "SH010_Animation_v001_up.x"
    assert versions.fetch(session, found, tmp_path).parent == tmp_path


def test_file_that_the_server_has_lost_is_one_sentence_and_leaves_nothing(session, with_scene, tmp_path):
    component = attrs.evolve(versions.find_component(session, with_scene), paths=())
    remove(session, component.id)
    with pytest.raises(NotFoundError, match=rf"has no bytes of the component {component.id}"):
        versions.fetch(session, component, tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []
    # The location of a component without media would be a finding of the nightly check of the shared server.
    session.call([operations.delete("FileComponent", component.id)])


ISSUE = errors.ValidationIssue("Frame rate", "shotCam", "It is 25; expected 24.", "25", "24", "Set it", False)
VERSION = models.PublishedVersion(
    source="shotCam",
    version_id="v",
    version=3,
    asset_id="a",
    components=(models.Component("c", "ftrackreview-mp4", 12, "ab"),),
    review_session_id="r",
    review_session_object_id="o",
    review_entries=(models.ReviewEntry("r", "o"),),
    link="https://studio.example.com/x",
)


def written(tmp_path, answer, error=None):
    answer.write(tmp_path / "answer.json", error)
    return SceneAnswer.read(tmp_path / "answer.json")


def test_an_order_is_read_as_it_was_saved(tmp_path):
    request = models.PublishRequest("F/S/T", ("shotCam",), frame_range=FrameRange(1, 3), fps=Fraction(24000, 1001))
    for repair in (None, (), ("Frame rate",)):
        order = SceneOrder(tmp_path / "a.ma", request, tmp_path, "j", tmp_path / "x", "lit", 50, repair, True)
        order.save(tmp_path / "order.json")
        assert SceneOrder.read(tmp_path / "order.json") == order


def test_an_answer_is_read_as_it_was_written(tmp_path):
    step = models.Step("CaptureFrames", "shotCam", 1.5)
    published = models.Published(tmp_path / "job", "F/S/T", (VERSION,), (ISSUE,), (step,))
    for answer in (SceneAnswer(published, messages=("done",)), SceneAnswer(planned=({"a": "b"},), problems=(ISSUE,))):
        assert written(tmp_path, answer) == answer


def test_unfinished_errors_of_an_answer_keep_class_and_message(tmp_path):
    published = models.Published(
        Path("job"), "", (), (), (), (errors.ServerUnreachable("No answer."), errors.ValidationFailed((ISSUE,)))
    )
    answer = written(tmp_path, SceneAnswer(published))
    assert answer.published is not None
    first, second = answer.published.unfinished
    assert (type(first), str(first)) == (errors.ServerUnreachable, "No answer.")
    assert isinstance(second, errors.ValidationFailed)
    assert second.problems == (ISSUE,)


class Torn(errors.CaptureFailed):
    def __init__(self, number):
        super().__init__("The tape {number} is torn.", {"number": number, "job": "j"})


def test_an_error_of_a_studio_is_raised_as_its_nearest_class(tmp_path):
    with pytest.raises(errors.CaptureFailed, match=r"^The tape 7 is torn\.$") as caught:
        written(tmp_path, SceneAnswer(), Torn(7))
    assert (type(caught.value), caught.value.details) == (errors.CaptureFailed, {"job": "j"})


def test_a_scene_is_captured_for_later_while_the_server_is_away(
    session, task_path, task, jobs, tmp_path, signed_in, monkeypatch
):
    monkeypatch.setattr(http, "wait", lambda *_: None)
    scene = tmp_path / "shot.bars"
    scene.write_bytes(b"bars")
    host, request = ColourBars(), models.PublishRequest(task_path)
    order = SceneOrder(scene, request, jobs, "job", tmp_path / "answer.json")
    with monkeypatch.context() as patch:
        # The port 9 is that of a service that nothing offers.
        patch.setenv("FTRACK_SERVER", "http://127.0.0.1:9")
        answer_order(order, host)
    with pytest.raises(errors.ServerUnreachable, match="The frames are captured: 'ft-dcc queue run' publishes the job"):
        SceneAnswer.read(order.answer)
    journal = jobs / "job" / "journal.jsonl"
    text = journal.read_text("ascii").replace("http://127.0.0.1:9", session.server_url)
    journal.write_text(text, encoding="ascii")
    (result,) = process_queue(Publisher(session, jobs=jobs))
    assert (result.is_done, host.captures) == (True, 1)
