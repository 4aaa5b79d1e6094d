from __future__ import annotations

import uuid

import pytest
import requests

from ft_dcc.session import SERVER_LOCATION_ID, UNMANAGED_LOCATION_ID
from ft_dcc.session.accessor.disk import DiskAccessor
from ft_dcc.session.structure.id import IdStructure

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture
def film(tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    return tmp_path / "film.mov"


@pytest.fixture
def version(session, project_shot):
    asset = session.create(
        "Asset", {"name": "render", "parent": project_shot, "type": session.query("AssetType").first()}
    )
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return version


def test_a_component_says_what_its_file_is(session, film):
    component = session.create_component(film, {"name": "main"}, location=None)
    assert (component.entity_type, component["name"]) == ("FileComponent", "main")
    assert (component["size"], component["file_type"]) == (8, ".mov")


def test_a_component_gets_a_name_when_nobody_gives_one(session, film):
    assert session.create_component(film, location=None)["name"] == "main"


def test_a_file_that_is_not_there_yet_has_no_size(session, tmp_path):
    assert session.create_component(tmp_path / "later.mov", location=None)["size"] == 0


def test_what_is_given_is_left_as_it_was(session, film):
    data = {"name": "main"}
    session.create_component(film, data, location=None)
    assert data == {"name": "main"}


def test_nothing_is_sent_without_a_location(session, film, sent):
    session.create_component(film, location=None)
    assert sent == []


def test_a_sequence_has_a_member_for_each_file(session, tmp_path):
    for number in (1, 2, 7):
        (tmp_path / f"sh010.{number:04d}.exr").write_bytes(b"x" * number)
    component = session.create_component(f"{tmp_path}/sh010.%04d.exr [1-2, 7]", {"name": "beauty"}, location=None)
    assert component.entity_type == "SequenceComponent"
    assert (component["padding"], component["file_type"], component["size"]) == (4, ".exr", 10)
    members = [(member["name"], member["size"], member["container"]) for member in component["members"]]
    assert members == [("0001", 1, component), ("0002", 2, component), ("0007", 7, component)]


def test_a_sequence_is_sent_as_the_official_client_sends_it(session, tmp_path, sent):
    component = session.create_component(f"{tmp_path}/sh010.%04d.exr [1-2]", {"name": "beauty"}, location=None)
    session.commit()
    (batch,) = sent
    assert [(each["action"], each["entity_type"]) for each in batch] == [
        ("create", "SequenceComponent"),
        ("create", "FileComponent"),
        ("create", "FileComponent"),
        ("update", "SequenceComponent"),
    ]
    assert batch[3]["entity_data"]["members"] == [
        {"__entity_type__": "FileComponent", "id": member["id"]} for member in component["members"]
    ]


def test_the_size_of_a_sequence_may_be_given(session, tmp_path):
    component = session.create_component(f"{tmp_path}/sh010.%d.exr [1-4]", {"size": 400}, location=None)
    assert component["size"] == 400
    assert [member["size"] for member in component["members"]] == [100, 100, 100, 100]
    assert [member["name"] for member in component["members"]] == ["1", "2", "3", "4"]


def test_a_plugin_knows_file_types_better(session, tmp_path):
    session.event_hub.subscribe(
        "topic=ftrack.api.session.get-file-type-from-string",
        lambda event: ".tar.gz" if event["data"]["file_path"].endswith(".tar.gz") else None,
    )
    assert session.create_component(tmp_path / "a.tar.gz", location=None)["file_type"] == ".tar.gz"
    assert session.create_component(tmp_path / "a.exr", location=None)["file_type"] == ".exr"


def test_a_component_goes_where_the_session_prefers(session, film, tmp_path):
    assert session.create_component(film).get_availability()[UNMANAGED_LOCATION_ID] == 100.0
    disk = session.create("Location", {"name": f"disk_{uuid.uuid4().hex[:8]}"})
    session.commit()
    disk.accessor, disk.structure, disk.priority = DiskAccessor(tmp_path / "disk"), IdStructure(), 1
    component = session.create_component(film)
    assert session.pick_location() == disk
    assert session.pick_location(component) == disk
    assert disk.get_filesystem_path(component).startswith(str(tmp_path / "disk"))


def test_what_players_look_for_stays_where_it_is(session, film):
    component = session.create_component(film, {"name": "ftrackreview-mp4"})
    assert session.pick_location(component)["name"] == "ftrack.review"


def test_a_component_that_is_nowhere_has_no_location(session, film):
    component, other = session.create_component(film, location=None), session.create_component(film)
    session.commit()
    assert session.pick_locations([component, other]) == [None, session.get("Location", UNMANAGED_LOCATION_ID)]


def test_a_sequence_is_available_as_far_as_its_members_are(session, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"a.{number}.exr").write_bytes(b"x")
    component = session.create_component(f"{tmp_path}/a.%d.exr [1-3]", location=None)
    session.commit()
    server = session.get("Location", SERVER_LOCATION_ID)
    server.add_components(component["members"][:2], session.location("ce9b348f-8809-11e3-821c-20c9d081909b"))
    assert session.get_component_availability(component, [server]) == {SERVER_LOCATION_ID: 66.666666667}
    everywhere = session.get_component_availabilities([component, component["members"][0], component["members"][2]])
    assert [found[SERVER_LOCATION_ID] for found in everywhere] == [66.666666667, 100.0, 0.0]
    assert everywhere[0][UNMANAGED_LOCATION_ID] == 0.0


def test_a_version_makes_its_own_components(session, open_session, version, film):
    server = session.get("Location", SERVER_LOCATION_ID)
    component = version.create_component(film, {"name": "main", "version_id": "another"}, location=server)
    assert open_session().get("FileComponent", component["id"])["version_id"] == version["id"]
    loose = version.create_component(film, {"name": "loose"})
    assert loose["version"] == version
    assert set(loose.get_availability().values()) == {0.0}


def test_anything_can_have_a_thumbnail(session, open_session, project_task, tmp_path):
    (tmp_path / "small.png").write_bytes(PNG)
    component = project_task.create_thumbnail(tmp_path / "small.png")
    other = open_session()
    assert other.get("Task", project_task["id"])["thumbnail_id"] == component["id"]
    url = other.get("Location", SERVER_LOCATION_ID).get_url(other.get("FileComponent", component["id"]))
    assert requests.get(url, timeout=60).content == PNG
    assert component["name"] == "thumbnail"


def test_a_session_starts_without_looking_at_a_location(open_session, sent):
    open_session()
    assert sent[0] == [{"action": "query_server_information"}]
    assert not [each for request in sent for each in request if each["action"] == "query"]
