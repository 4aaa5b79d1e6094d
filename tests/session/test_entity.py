import concurrent.futures
import logging

import pytest

from ft_dcc.errors import UnrecognisedAttributeError, UnrecognisedEntityTypeError
from ft_dcc.session.compat import entity_text as inspection
from ft_dcc.session.entities import attribute as kinds
from ft_dcc.session.entity_types.schema import EntityTypes, SchemaCache, hash_of, text_of
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
