"""The scene file as a component of the version, and its way back."""

import hashlib
import json
import threading
from datetime import datetime, timezone
from fractions import Fraction
from types import SimpleNamespace

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars

from ft_dcc.errors import NotFoundError, TransferFailed, UserFixableError
from ft_dcc.frames import FrameRange
from ft_dcc.production import versions
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.session import operations
from ft_dcc.session.transfer.transfer import remove

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
