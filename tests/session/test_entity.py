import concurrent.futures
import logging
import uuid

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import UnrecognisedAttributeError, UnrecognisedEntityTypeError
from ft_dcc.session import SERVER_LOCATION_ID, UNMANAGED_LOCATION_ID
from ft_dcc.session.compat import entity_text as inspection
from ft_dcc.session.entities import attribute as kinds
from ft_dcc.session.entity_types.schema import EntityTypes, SchemaCache, hash_of, text_of
from ft_dcc.session.locations.accessor import DiskAccessor
from ft_dcc.session.locations.structure import IdStructure
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET


@pytest.fixture
def tasks(session, project_shot):
    for number in range(70):
        session.create("Task", {"name": f"t{number:03d}", "parent": project_shot, "description": f"d{number}"})
    session.commit()
    return project_shot["id"]


def test_one_request_fetches_references_of_a_result(open_session, tasks, sent):
    found = open_session().query(f"select name from Task where parent_id is {tasks}").all()
    sent.clear()
    assert {task["parent"]["name"] for task in found} == {"sh010"}
    assert {task["status"]["color"] is not None for task in found} == {True}
    assert len(sent) == 3


def test_reference_to_a_loaded_entity_needs_no_request(open_session, project_task, sent):
    session = open_session()
    project = session.get("Project", project_task["project_id"])
    task = session.query(f"select project_id, thumbnail_id from Task where id is {project_task['id']}").one()
    sent.clear()
    assert task["project"] is project
    assert task["thumbnail"] is None
    assert sent == []


def test_results_of_several_pages_are_completed_together(open_session, tasks, sent):
    found = open_session().query(f"select name from Task where parent_id is {tasks}", page_size=30).all()
    sent.clear()
    assert len({task["description"] for task in found}) == 70
    assert len(sent) == 1


def test_response_does_not_overwrite_assignments(session, project_task):
    project_task["name"] = "mine"
    session.query(f"select name from Task where id is {project_task['id']}").one()
    assert project_task["name"] == "mine"
    session.rollback()
    assert project_task["name"] == "animation"


def test_unknown_attribute_is_reported_with_a_suggestion(project_task):
    with pytest.raises(UnrecognisedAttributeError, match=r"Task has no attribute 'stauts'\. Did you mean 'status'\?"):
        project_task["stauts"]
    with pytest.raises(KeyError):
        project_task["stauts"] = 1
    assert project_task.get("stauts") is None
    assert "stauts" not in project_task


def test_value_can_be_set_to_none_and_reverted(session, project_task, open_session):
    project_task["description"] = "text"
    del project_task["description"]
    assert project_task["description"] in (None, "")
    assert inspection.state(project_task) is NOT_SET
    project_task["description"] = "text"
    session.commit()
    project_task["description"] = None
    session.commit()
    assert open_session().get("Task", project_task["id"])["description"] is None


def test_one_request_fetches_all_values(open_session, project_task, sent):
    task = open_session().get("Task", project_task["id"])
    sent.clear()
    values = dict(task.items())
    assert len(sent) == 1
    assert values["name"] == "animation"
    assert values["parent"]["name"] == "sh010"
    assert list(values) == list(task.keys())
    assert NOT_SET not in [value for value in values.values() if value is NOT_SET]


def test_entities_with_equal_type_and_key_are_equal(open_session, project_task):
    other = open_session().get("Task", project_task["id"])
    assert other is not project_task
    assert other == project_task
    assert len({other, project_task}) == 1
    assert other != project_task["parent"]
    assert other != "text"


def test_repr_has_type_key_and_name(project_task):
    assert repr(project_task) == f"<Task {project_task['id']} 'animation'>"


def test_inspection_returns_identity_and_state(session, project_task):
    new = session.create("Metadata", {"parent_id": "1", "key": "k", "value": "v", "parent_type": "Task"})
    project_task["name"] = "x"
    assert inspection.identity(new) == ("Metadata", ["1", "k"])
    assert inspection.primary_key(new) == {"parent_id": "1", "key": "k"}
    assert inspection.states([new, project_task, project_task["parent"]]) == [CREATED, MODIFIED, NOT_SET]
    session.rollback()


def test_create_reply_adds_a_reply(session, open_session, project_task):
    author = session.query("User").first()
    note = session.create("Note", {"content": "Too dark.", "author": author})
    project_task["notes"].append(note)
    note.create_reply("Better?", author)
    session.commit()
    read = open_session().get("Note", note["id"])
    assert [reply["content"] for reply in read["replies"]] == ["Better?"]
    assert read["replies"][0]["in_reply_to_id"] == note["id"]


def test_only_api_jobs_can_be_created(session):
    with pytest.raises(ValueError, match="Leave the type out"):
        session.create("Job", {"type": "encode_media"})


def test_value_that_the_server_omits_is_requested_once(session, sent):
    gone = session.reconstruct("Task", {"id": "no such task"})
    assert [gone["name"], gone["name"], gone["status"], gone["status"]] == [NOT_SET] * 4
    assert len(sent) == 2


TASK = {
    "id": "Task",
    "primary_key": ["id"],
    "immutable": ["id"],
    "computed": ["time_logged"],
    "default_projections": ["id", "name"],
    "properties": {
        "id": {"type": "string", "default": "{uid}"},
        "name": {"type": "string", "default": ""},
        "time_logged": {"type": "number"},
        "status": {"$ref": "Status"},
        "notes": {"type": "array", "items": {"$ref": "Note"}},
        "metadata": {"type": "mapped_array", "items": {"$ref": "Metadata"}},
        "custom_attributes": {"type": "mapped_array", "items": {"$ref": "ContextCustomAttributeValue"}},
        "custom_attribute_links": {
            "type": "mapped_array",
            "items": {"$ref": "CustomAttributeLink"},
            "restricted_projection": True,
        },
        "from_the_future": {"type": "hologram"},
    },
}


def test_each_kind_of_attribute_is_created():
    task = EntityTypes(lambda: [TASK])["Task"]
    assert {name: type(attribute) for name, attribute in task.attributes.items()} == {
        "id": kinds.ScalarAttribute,
        "name": kinds.ScalarAttribute,
        "time_logged": kinds.ScalarAttribute,
        "status": kinds.ReferenceAttribute,
        "notes": kinds.CollectionAttribute,
        "metadata": kinds.KeyValueAttribute,
        "custom_attributes": kinds.CustomAttributesAttribute,
    }
    assert task.__name__ == task.entity_type == "Task"
    assert task.primary_key_attributes == ["id"]
    assert task.default_projections == ["id", "name"]
    assert task.attributes["time_logged"].computed
    assert not task.attributes["id"].mutable


def test_class_is_created_once():
    types = EntityTypes(lambda: [TASK])
    assert types["Task"] is types["Task"]
    assert list(types) == ["Task"]
    assert "Shot" not in types


def test_unknown_type_is_reported_with_a_suggestion():
    with pytest.raises(UnrecognisedEntityTypeError, match=r"no entity type 'Tusk'\. Did you mean 'Task'\?"):
        EntityTypes(lambda: [TASK])["Tusk"]


def test_schemas_are_cached_for_the_servers_hash(tmp_path):
    cache = SchemaCache(tmp_path / "new" / "folder", "https://studio.example.com")
    schema_hash = hash_of(text_of([TASK]))
    assert cache.load(schema_hash) is None
    cache.save([TASK])
    assert cache.load(schema_hash) == text_of([TASK])
    assert cache.load("another") is None


def test_servers_have_separate_cache_files(tmp_path):
    first = SchemaCache(tmp_path, "https://a.example.com")
    assert first.path != SchemaCache(tmp_path, "https://b.example.com").path


@pytest.mark.parametrize("damaged", [b"", b"[", text_of([TASK])[:-1], b"\x00" * 500])
def test_damaged_file_is_ignored(tmp_path, damaged):
    cache = SchemaCache(tmp_path, "https://studio.example.com")
    cache.path.write_bytes(damaged)
    assert cache.load(hash_of(text_of([TASK]))) is None


def test_concurrent_writers_leave_a_complete_file(tmp_path):
    cache = SchemaCache(tmp_path, "https://studio.example.com")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(cache.save, [[TASK]] * 40))
    assert cache.load(hash_of(text_of([TASK]))) == text_of([TASK])
    assert [path.name for path in tmp_path.iterdir()] == [cache.path.name]


def test_unwritable_folder_is_only_logged(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        SchemaCache(tmp_path / "file", "https://studio.example.com").save([TASK])
    assert "cannot be written" in caplog.text


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
