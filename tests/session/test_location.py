from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ft_dcc.errors import (
    AccessorUnsupportedOperationError,
    ComponentInLocationError,
    ComponentNotInLocationError,
    LocationError,
)
from ft_dcc.session import (
    ORIGIN_LOCATION_ID,
    REVIEW_LOCATION_ID,
    SERVER_LOCATION_ID,
    UNMANAGED_LOCATION_ID,
)
from ft_dcc.session.accessor.disk import DiskAccessor
from ft_dcc.session.structure.id import IdStructure


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
def film(session, tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    return session.create_component(tmp_path / "film.mov", {"name": "main"}, location=None)


@pytest.fixture
def frames(session, tmp_path):
    for number in (1, 2, 4):
        (tmp_path / f"sh010.{number:04d}.exr").write_bytes(b"x" * number)
    return session.create_component(f"{tmp_path}/sh010.%04d.exr [1-2, 4]", {"name": "frames"}, location=None)


@pytest.fixture
def told(session):
    """What locations say from now on: topic and component id."""
    told = []
    session.event_hub.connect()
    session.event_hub.subscribe(
        "topic=ftrack.location.*", lambda event: told.append((event["topic"], event["data"]["component_id"]))
    )
    return told


def files_of(disk):
    return sorted(path.name for path in Path(disk.accessor.prefix).rglob("*") if path.is_file())


def test_a_component_goes_from_a_disk_to_the_server_and_back(session, open_session, film, origin, server, disk):
    server.add_component(film, origin)
    disk.add_component(film, server)
    assert Path(disk.get_filesystem_path(film)).read_bytes() == b"the film"
    assert requests.get(server.get_url(film), timeout=60).content == b"the film"
    other = open_session()
    row = other.query(f"ComponentLocation where component_id is {film['id']} and location_id is {server['id']}").one()
    assert row["resource_identifier"] == film["id"]
    assert other.get("FileComponent", film["id"])["size"] == 8


def test_a_component_is_added_in_two_requests(film, origin, server, sent):
    server.add_component(film, origin)
    assert [[each["action"] for each in request] for request in sent] == [["get_upload_metadata"], ["create", "create"]]
    created = sent[1][1]
    assert created["entity_type"] == "ComponentLocation"
    assert created["entity_data"]["component"] == {"__entity_type__": "FileComponent", "id": film["id"]}
    assert created["entity_data"]["location"] == {"__entity_type__": "Location", "id": SERVER_LOCATION_ID}


def test_a_large_component_is_there_before_its_parts(session, origin, server, tmp_path, sent):
    session.server_information["largest_piece"] = 0
    with (tmp_path / "large.mov").open("wb") as file:
        file.truncate(20 * 1024 * 1024)
    film = session.create_component(tmp_path / "large.mov", location=None)
    server.add_component(film, origin)
    assert [[each["action"] for each in request] for request in sent] == [
        ["create"],
        ["get_upload_metadata"],
        ["complete_multipart_upload"],
        ["create"],
    ]


def test_a_sequence_is_added_with_its_files(session, open_session, frames, origin, disk):
    disk.add_component(frames, origin)
    assert files_of(disk) == ["file.0001.exr", "file.0002.exr", "file.0004.exr"]
    (path,) = disk.get_filesystem_paths([frames])
    assert path.endswith("file.%04d.exr")
    members = open_session().query(f"FileComponent where container_id is {frames['id']} order by name").all()
    assert [(member["name"], member["size"]) for member in members] == [("0001", 1), ("0002", 2), ("0004", 4)]
    assert disk.get_component_availability(frames) == 100.0


def test_a_container_is_added_with_what_it_holds(session, film, origin, disk):
    container = session.create("ContainerComponent", {"name": "box"})
    film["container"] = container
    container["members"].append(film)
    disk.add_component(container, [origin])
    assert files_of(disk) == [f"{film['id']}.mov"]
    assert Path(disk.get_filesystem_path(container)).is_dir()


def test_without_its_members_only_the_container_is_added(frames, origin, disk):
    disk.add_component(frames, origin, recursive=False)
    assert files_of(disk) == []
    assert disk.get_component_availability(frames) == 0.0


def test_a_component_that_is_there_is_not_added_again(film, origin, disk, sent):
    disk.add_component(film, origin)
    sent.clear()
    with pytest.raises(ComponentInLocationError, match="already") as caught:
        disk.add_component(film, origin)
    assert caught.value.details["components"] == [film]
    assert [each["action"] for request in sent for each in request] == ["query"]


def test_what_lies_there_already_is_not_written_over(session, film, origin, disk):
    place = Path(disk.accessor.prefix) / disk.structure.get_resource_identifier(film)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"precious")
    with pytest.raises(LocationError, match="Remove it first"):
        disk.add_component(film, origin)
    assert place.read_bytes() == b"precious"
    assert session.query(f"ComponentLocation where location_id is {disk['id']}").all() == []


def test_a_transfer_that_fails_registers_nothing_and_says_what_was_copied(
    session, film, frames, origin, disk, tmp_path
):
    (tmp_path / "sh010.0002.exr").unlink()
    with pytest.raises(LocationError, match=r"sh010\.0002\.exr") as caught:
        disk.add_components([film, frames], origin)
    assert [component["name"] for component, _ in caught.value.details["transferred"]] == ["main", "0001"]
    assert caught.value.details["location"] == disk
    assert session.query(f"ComponentLocation where location_id is {disk['id']}").all() == []


def test_a_server_that_refuses_what_was_copied_is_told_with_it(session, film, origin, disk):
    film["version_id"] = str(uuid.uuid4())
    with pytest.raises(LocationError, match="did not take") as caught:
        disk.add_component(film, origin)
    assert [component for component, _ in caught.value.details["transferred"]] == [film]
    session.rollback()


def test_each_component_may_have_a_source_of_its_own(session, film, frames, origin, make_disk):
    first, second = make_disk(), make_disk()
    first.add_component(film, origin)
    second.add_components([film, frames], [first, origin])
    assert second.get_component_availabilities([film, frames]) == [100.0, 100.0]
    with pytest.raises(ValueError, match="3 components need one source"):
        second.add_components([film, film, film], [first, origin])


def test_a_location_needs_to_be_told_how_it_is_reached(session, film, origin, disk):
    blind = session.create("Location", {"name": f"blind_{uuid.uuid4().hex[:8]}"})
    with pytest.raises(LocationError, match="Set its structure"):
        blind.add_component(film, origin)
    blind.structure = IdStructure()
    with pytest.raises(LocationError, match="Set its accessor"):
        blind.add_component(film, origin)
    session.rollback()


def test_a_removed_component_is_gone_with_its_bytes(session, frames, film, origin, disk, server):
    disk.add_components([frames, film], origin)
    server.add_component(film, disk)
    disk.remove_components([frames, film])
    assert files_of(disk) == []
    assert session.query(f"ComponentLocation where location_id is {disk['id']}").all() == []
    url = server.get_url(film)
    server.remove_component(film)
    assert requests.get(url, timeout=60).status_code >= 400
    with pytest.raises(ComponentNotInLocationError, match="not in") as caught:
        server.remove_component(film)
    assert caught.value.details["components"] == [film]


def test_a_component_that_is_nowhere_has_no_address(film, disk, server):
    with pytest.raises(ComponentNotInLocationError):
        disk.get_filesystem_path(film)
    with pytest.raises(ComponentNotInLocationError):
        server.get_url(film)


def test_the_server_makes_pictures_and_disks_do_not(film, origin, server, disk):
    server.add_component(film, origin)
    disk.add_component(film, origin)
    address = urlsplit(server.get_thumbnail_url(film, size=300))
    assert address.path == "/component/thumbnail"
    assert {name: values[0] for name, values in parse_qs(address.query).items() if name in ("id", "size")} == {
        "id": film["id"],
        "size": "300",
    }
    with pytest.raises(AccessorUnsupportedOperationError, match=r"ftrack\.server"):
        disk.get_thumbnail_url(film)
    with pytest.raises(AccessorUnsupportedOperationError):
        server.get_filesystem_path(film)


def test_an_unmanaged_location_notes_the_place_and_leaves_the_file(session, film, origin, tmp_path):
    unmanaged = session.location(UNMANAGED_LOCATION_ID)
    unmanaged.add_component(film, origin)
    assert unmanaged.get_filesystem_path(film) == str(tmp_path / "film.mov")
    unmanaged.remove_component(film)
    assert (tmp_path / "film.mov").read_bytes() == b"the film"


def test_the_origin_is_known_to_this_session_alone(session, open_session, film, tmp_path):
    session.commit()
    assert session.location(ORIGIN_LOCATION_ID).get_filesystem_path(film) == str(tmp_path / "film.mov")
    other = open_session()
    with pytest.raises(ComponentNotInLocationError):
        other.location(ORIGIN_LOCATION_ID).get_filesystem_path(other.get("FileComponent", film["id"]))


class Reversed:
    def encode(self, resource_identifier, context=None):
        assert context["component"].entity_type == "FileComponent"
        return resource_identifier[::-1]

    decode = encode


def test_identifiers_may_be_written_another_way(session, film, origin, disk):
    disk.resource_identifier_transformer = Reversed()
    disk.add_component(film, origin)
    kept = session.query(f"ComponentLocation where location_id is {disk['id']}").one()["resource_identifier"]
    assert kept == disk.structure.get_resource_identifier(film)[::-1]
    assert Path(disk.get_filesystem_path(film)).read_bytes() == b"the film"


def test_what_a_session_knows_of_a_location_survives_a_reset(session, disk):
    accessor = disk.accessor
    disk.priority = 7
    session.reset()
    again = session.query(f'Location where name is "{disk["name"]}"').one()
    assert again is not disk
    assert (again.accessor, again.priority) == (accessor, 7)


@pytest.mark.parametrize(
    ("location_id", "name", "priority"),
    [
        (UNMANAGED_LOCATION_ID, "ftrack.unmanaged", 90),
        (ORIGIN_LOCATION_ID, "ftrack.origin", 100),
        (REVIEW_LOCATION_ID, "ftrack.review", 110),
        (SERVER_LOCATION_ID, "ftrack.server", 150),
    ],
)
def test_every_session_has_the_built_in_locations(session, location_id, name, priority):
    location = session.get("Location", location_id)
    assert (location["name"], location.priority) == (name, priority)
    assert location.accessor


def test_a_location_of_the_studio_is_reached_when_a_plugin_says_how(disk, open_session):
    location = open_session().get("Location", disk["id"])
    assert (bool(location.accessor), bool(location.structure), location.priority) == (False, False, 95)


def test_others_hear_what_comes_and_goes(session, frames, origin, disk, told):
    disk.add_component(frames, origin)
    disk.remove_component(frames)
    for _ in range(100):
        if len(told) == 8:
            break
        session.event_hub.wait(0.1)
    added, removed = told[:4], told[4:]
    ids = [*(member["id"] for member in frames["members"]), frames["id"]]
    assert added == [("ftrack.location.component-added", component_id) for component_id in ids]
    assert removed == [("ftrack.location.component-removed", component_id) for component_id in ids]
