import uuid

import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.session import SERVER_LOCATION_ID, UNMANAGED_LOCATION_ID
from ft_dcc.session.locations.accessor import DiskAccessor
from ft_dcc.session.locations.structure import IdStructure

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def test_component_has_name_size_and_type_of_its_file(session, movie, tmp_path, sent):
    data = {"name": "film"}
    component = session.create_component(movie, data, location=None)
    assert (component.entity_type, component["name"]) == ("FileComponent", "film")
    assert (component["size"], component["file_type"]) == (8, ".mov")
    assert data == {"name": "film"}
    missing = session.create_component(tmp_path / "later.mov", location=None)
    assert (missing["name"], missing["size"]) == ("main", 0)
    assert sent == []


def test_sequence_is_sent_like_the_official_client_sends_it(session, tmp_path, sent):
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


def test_size_of_a_sequence_can_be_given(session, tmp_path):
    component = session.create_component(f"{tmp_path}/sh010.%d.exr [1-4]", {"size": 400}, location=None)
    assert component["size"] == 400
    assert [member["size"] for member in component["members"]] == [100, 100, 100, 100]
    assert [member["name"] for member in component["members"]] == ["1", "2", "3", "4"]


def test_plugin_overrides_the_file_type(session, tmp_path):
    session.event_hub.subscribe(
        "topic=ftrack.api.session.get-file-type-from-string",
        lambda event: ".tar.gz" if event["data"]["file_path"].endswith(".tar.gz") else None,
    )
    assert session.create_component(tmp_path / "a.tar.gz", location=None)["file_type"] == ".tar.gz"
    assert session.create_component(tmp_path / "a.exr", location=None)["file_type"] == ".exr"


def test_component_is_added_to_the_preferred_location(session, movie, tmp_path):
    assert session.create_component(movie).get_availability()[UNMANAGED_LOCATION_ID] == 100.0
    disk = session.create("Location", {"name": f"disk_{uuid.uuid4().hex[:8]}"})
    session.commit()
    disk.accessor, disk.structure, disk.priority = DiskAccessor(tmp_path / "disk"), IdStructure(), 1
    component = session.create_component(movie)
    assert session.pick_location() == disk
    assert session.pick_location(component) == disk
    assert disk.get_filesystem_path(component).startswith(str(tmp_path / "disk"))


def test_review_component_stays_in_place(session, movie):
    component = session.create_component(movie, {"name": "ftrackreview-mp4"})
    assert session.pick_location(component)["name"] == "ftrack.review"


def test_availability_of_a_sequence_is_the_mean_of_its_members(session, tmp_path):
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


def test_version_creates_its_own_components(session, open_session, version, movie):
    server = session.get("Location", SERVER_LOCATION_ID)
    component = version.create_component(movie, {"name": "main", "version_id": "another"}, location=server)
    assert open_session().get("FileComponent", component["id"])["version_id"] == version["id"]
    loose = version.create_component(movie, {"name": "loose"})
    assert loose["version"] == version
    assert set(loose.get_availability().values()) == {0.0}


def test_create_thumbnail_sets_the_thumbnail(session, open_session, project_task, tmp_path):
    (tmp_path / "small.png").write_bytes(PNG)
    component = project_task.create_thumbnail(tmp_path / "small.png")
    other = open_session()
    assert other.get("Task", project_task["id"])["thumbnail_id"] == component["id"]
    url = other.get("Location", SERVER_LOCATION_ID).get_url(other.get("FileComponent", component["id"]))
    assert requests.get(url, timeout=TIMEOUT_SECONDS).content == PNG
    assert component["name"] == "thumbnail"
