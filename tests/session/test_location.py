import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from run_options import TIMEOUT_SECONDS

import ft_dcc as ftrack_api
from ft_dcc import errors
from ft_dcc.session import ORIGIN_LOCATION_ID, REVIEW_LOCATION_ID, SERVER_LOCATION_ID, UNMANAGED_LOCATION_ID
from ft_dcc.session.locations.accessor import DiskAccessor
from ft_dcc.session.locations.structure import IdStructure


@pytest.fixture
def origin(session):
    return session.location(ORIGIN_LOCATION_ID)


@pytest.fixture
def server(session):
    return session.location(SERVER_LOCATION_ID)


@pytest.fixture
def make_disk(session, tmp_path):
    def make():
        disk = session.create("Location", {"name": f"disk_{uuid.uuid4().hex[:8]}"})
        session.commit()
        disk.accessor, disk.structure = DiskAccessor(tmp_path / disk["name"]), IdStructure()
        return disk

    return make


@pytest.fixture
def disk(make_disk):
    return make_disk()


@pytest.fixture
def movie(session, tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    return session.create_component(tmp_path / "film.mov", {"name": "main"}, location=None)


@pytest.fixture
def frames(session, tmp_path):
    for number in (1, 2, 4):
        (tmp_path / f"sh010.{number:04d}.exr").write_bytes(b"x" * number)
    return session.create_component(f"{tmp_path}/sh010.%04d.exr [1-2, 4]", {"name": "frames"}, location=None)


@pytest.fixture
def published(session):
    """Record the topics and component ids that locations publish."""
    published = []
    session.event_hub.connect()
    session.event_hub.subscribe(
        "topic=ftrack.location.*", lambda event: published.append((event["topic"], event["data"]["component_id"]))
    )
    return published


def files_of(disk):
    return sorted(path.name for path in Path(disk.accessor.prefix).rglob("*") if path.is_file())


def test_component_is_copied_from_disk_to_server_and_back(session, open_session, movie, origin, server, disk):
    server.add_component(movie, origin)
    disk.add_component(movie, server)
    assert Path(disk.get_filesystem_path(movie)).read_bytes() == b"the film"
    assert requests.get(server.get_url(movie), timeout=TIMEOUT_SECONDS).content == b"the film"
    other = open_session()
    row = other.query(f"ComponentLocation where component_id is {movie['id']} and location_id is {server['id']}").one()
    assert row["resource_identifier"] == movie["id"]
    assert other.get("FileComponent", movie["id"])["size"] == 8


def test_component_is_added_in_two_requests(movie, origin, server, sent):
    server.add_component(movie, origin)
    assert [[each["action"] for each in request] for request in sent] == [["get_upload_metadata"], ["create", "create"]]
    created = sent[1][1]
    assert created["entity_type"] == "ComponentLocation"
    assert created["entity_data"]["component"] == {"__entity_type__": "FileComponent", "id": movie["id"]}
    assert created["entity_data"]["location"] == {"__entity_type__": "Location", "id": SERVER_LOCATION_ID}


def test_large_component_is_committed_before_its_parts(session, origin, server, tmp_path, sent, small_parts):
    session.server_information["largest_piece"] = 0
    (tmp_path / "large.mov").write_bytes(bytes(small_parts))
    server.add_component(session.create_component(tmp_path / "large.mov", location=None), origin)
    assert [[each["action"] for each in request] for request in sent] == [
        ["create"],
        ["get_upload_metadata"],
        ["complete_multipart_upload"],
        ["create"],
    ]


def test_sequence_is_added_with_its_files(session, open_session, frames, origin, disk):
    disk.add_component(frames, origin)
    assert files_of(disk) == ["file.0001.exr", "file.0002.exr", "file.0004.exr"]
    (path,) = disk.get_filesystem_paths([frames])
    assert path.endswith("file.%04d.exr")
    members = open_session().query(f"FileComponent where container_id is {frames['id']} order by name").all()
    assert [(member["name"], member["size"]) for member in members] == [("0001", 1), ("0002", 2), ("0004", 4)]
    assert disk.get_component_availability(frames) == 100.0


def test_container_is_added_with_its_members(session, movie, origin, disk):
    container = session.create("ContainerComponent", {"name": "box"})
    movie["container"] = container
    container["members"].append(movie)
    disk.add_component(container, [origin])
    assert files_of(disk) == [f"{movie['id']}.mov"]
    assert Path(disk.get_filesystem_path(container)).is_dir()


def test_non_recursive_add_registers_only_the_container(frames, origin, disk):
    disk.add_component(frames, origin, recursive=False)
    assert files_of(disk) == []
    assert disk.get_component_availability(frames) == 0.0


def test_existing_component_is_not_added_again(movie, origin, disk, sent):
    disk.add_component(movie, origin)
    sent.clear()
    with pytest.raises(errors.ComponentInLocationError, match="already") as caught:
        disk.add_component(movie, origin)
    assert caught.value.details["components"] == [movie]
    assert [each["action"] for request in sent for each in request] == ["query"]


def test_existing_file_is_not_overwritten(session, movie, origin, disk):
    target = Path(disk.accessor.prefix) / disk.structure.get_resource_identifier(movie)
    target.parent.mkdir(parents=True)
    target.write_bytes(b"precious")
    with pytest.raises(errors.LocationError, match="Remove it first"):
        disk.add_component(movie, origin)
    assert target.read_bytes() == b"precious"
    assert session.query(f"ComponentLocation where location_id is {disk['id']}").all() == []


def test_failed_transfer_registers_nothing_and_reports_copied_files(session, movie, frames, origin, disk, tmp_path):
    (tmp_path / "sh010.0002.exr").unlink()
    with pytest.raises(errors.LocationError, match=r"sh010\.0002\.exr") as caught:
        disk.add_components([movie, frames], origin)
    assert [component["name"] for component, _ in caught.value.details["transferred"]] == ["main", "0001"]
    assert caught.value.details["location"] == disk
    assert session.query(f"ComponentLocation where location_id is {disk['id']}").all() == []


def test_refused_registration_reports_copied_files(session, movie, origin, disk):
    movie["version_id"] = str(uuid.uuid4())
    with pytest.raises(errors.LocationError, match="refused to register") as caught:
        disk.add_component(movie, origin)
    assert [component for component, _ in caught.value.details["transferred"]] == [movie]
    session.rollback()


def test_each_component_may_have_its_own_source(session, movie, frames, origin, make_disk):
    first, second = make_disk(), make_disk()
    first.add_component(movie, origin)
    second.add_components([movie, frames], [first, origin])
    assert second.get_component_availabilities([movie, frames]) == [100.0, 100.0]
    with pytest.raises(ValueError, match="3 components need one source"):
        second.add_components([movie, movie, movie], [first, origin])


def test_location_without_accessor_or_structure_is_refused(session, movie, origin, disk):
    blind = session.create("Location", {"name": f"blind_{uuid.uuid4().hex[:8]}"})
    with pytest.raises(errors.LocationError, match="Set its structure"):
        blind.add_component(movie, origin)
    blind.structure = IdStructure()
    with pytest.raises(errors.LocationError, match="Set its accessor"):
        blind.add_component(movie, origin)
    session.rollback()


def test_removed_component_has_no_bytes(session, frames, movie, origin, disk, server):
    disk.add_components([frames, movie], origin)
    server.add_component(movie, disk)
    disk.remove_components([frames, movie])
    assert files_of(disk) == []
    assert session.query(f"ComponentLocation where location_id is {disk['id']}").all() == []
    url = server.get_url(movie)
    server.remove_component(movie)
    assert requests.get(url, timeout=TIMEOUT_SECONDS).status_code >= 400
    with pytest.raises(errors.ComponentNotInLocationError, match="not in") as caught:
        server.remove_component(movie)
    assert caught.value.details["components"] == [movie]


def test_only_the_server_location_has_thumbnails(movie, origin, server, disk):
    server.add_component(movie, origin)
    disk.add_component(movie, origin)
    address = urlsplit(server.get_thumbnail_url(movie, size=300))
    assert address.path == "/component/thumbnail"
    assert {name: values[0] for name, values in parse_qs(address.query).items() if name in ("id", "size")} == {
        "id": movie["id"],
        "size": "300",
    }
    with pytest.raises(errors.AccessorUnsupportedOperationError, match=r"ftrack\.server"):
        disk.get_thumbnail_url(movie)
    with pytest.raises(errors.AccessorUnsupportedOperationError):
        server.get_filesystem_path(movie)


def test_origin_is_local_to_the_session(session, open_session, movie, tmp_path):
    session.commit()
    assert session.location(ORIGIN_LOCATION_ID).get_filesystem_path(movie) == str(tmp_path / "film.mov")
    other = open_session()
    with pytest.raises(errors.ComponentNotInLocationError):
        other.location(ORIGIN_LOCATION_ID).get_filesystem_path(other.get("FileComponent", movie["id"]))


class Reversed:
    def encode(self, resource_identifier, context=None):
        assert context["component"].entity_type == "FileComponent"
        return resource_identifier[::-1]

    decode = encode


def test_resource_identifiers_are_transformed(session, movie, origin, disk):
    disk.resource_identifier_transformer = Reversed()
    disk.add_component(movie, origin)
    kept = session.query(f"ComponentLocation where location_id is {disk['id']}").one()["resource_identifier"]
    assert kept == disk.structure.get_resource_identifier(movie)[::-1]
    assert Path(disk.get_filesystem_path(movie)).read_bytes() == b"the film"


def test_location_setup_survives_a_reset(session, disk):
    accessor = disk.accessor
    disk.priority = 7
    session.reset()
    again = session.query(f'Location where name is "{disk["name"]}"').one()
    assert again is not disk
    assert (again.accessor, again.priority) == (accessor, 7)


def test_every_session_has_the_built_in_locations(session):
    built_in = [UNMANAGED_LOCATION_ID, ORIGIN_LOCATION_ID, REVIEW_LOCATION_ID, SERVER_LOCATION_ID]
    locations = [session.get("Location", location_id) for location_id in built_in]
    names = ["ftrack.unmanaged", "ftrack.origin", "ftrack.review", "ftrack.server"]
    assert [(location["name"], location.priority) for location in locations] == list(zip(names, [90, 100, 110, 150]))
    assert all(location.accessor for location in locations)


def test_plugin_configures_a_studio_location(disk, open_session):
    location = open_session().get("Location", disk["id"])
    assert (bool(location.accessor), bool(location.structure), location.priority) == (False, False, 95)


def test_added_and_removed_components_are_published(session, frames, origin, disk, published, wait_for):
    disk.add_component(frames, origin)
    disk.remove_component(frames)
    wait_for(session.event_hub, lambda: len(published) == 8)
    added, removed = published[:4], published[4:]
    ids = [*(member["id"] for member in frames["members"]), frames["id"]]
    assert added == [("ftrack.location.component-added", component_id) for component_id in ids]
    assert removed == [("ftrack.location.component-removed", component_id) for component_id in ids]


@pytest.fixture
def studio(session):
    studio = session.create("Location", {"name": f"studio.{uuid.uuid4().hex}"})
    session.commit()
    studio.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix="")
    studio.structure = ftrack_api.structure.origin.OriginStructure()
    return studio


@pytest.fixture
def movie_path(tmp_path):
    (tmp_path / "film.mov").write_bytes(b"film")
    return str(tmp_path / "film.mov")


def test_unmanaged_location_records_the_path_only(session, open_session, studio, movie_path):
    kind = ftrack_api.entity.location.UnmanagedLocationMixin
    ftrack_api.mixin(studio, kind, name="UnmanagedLocation")
    assert (type(studio).__name__, isinstance(studio, kind)) == ("UnmanagedLocation", True)
    component = session.create_component(movie_path, {"name": "main"}, location=studio)
    assert studio.get_filesystem_path(component) == movie_path
    (row,) = open_session().query(f"ComponentLocation where component_id is {component['id']}")
    assert row["resource_identifier"] == movie_path
    studio.remove_component(component)
    assert Path(movie_path).read_bytes() == b"film"
    assert studio.get_component_availability(component) == 0.0


def test_memory_location_is_local_to_the_session(session, open_session, studio, movie_path):
    ftrack_api.mixin(studio, ftrack_api.entity.location.OriginLocationMixin)
    component = session.create_component(movie_path, {"name": "main"}, location=None)
    session.commit()
    studio.add_component(component, movie_path, recursive=False)
    assert studio.get_resource_identifier(component) == movie_path
    assert not open_session().query(f"ComponentLocation where location_id is {studio['id']}")
    studio.remove_component(component)
    with pytest.raises(errors.ComponentNotInLocationError):
        studio.get_resource_identifier(component)


def test_any_class_is_mixed_in_once(studio):
    class Shouting:
        def get_url(self, component):
            return super().get_url(component).upper()

    ftrack_api.mixin(studio, Shouting)
    kind = type(studio)
    ftrack_api.mixin(studio, Shouting)
    assert type(studio) is kind
    assert kind.__name__ == "LocationShouting"
    assert kind.__mro__[1] is Shouting


def test_incompatible_layout_is_refused_with_a_message(project_task):
    class Loose:
        pass

    class Tight:
        __slots__ = ()

        def shout(self):
            return self["name"].upper()

    with pytest.raises(TypeError, match=r"Loose cannot be mixed into a Task\. Give it __slots__ = \(\)"):
        ftrack_api.mixin(project_task, Loose)
    ftrack_api.mixin(project_task, Tight)
    assert project_task.shout() == "ANIMATION"
