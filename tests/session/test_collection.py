import copy

import pytest

from ft_dcc.errors import CollectionError, DuplicateItemInCollectionError, ImmutableCollectionError


@pytest.fixture
def note(session, project_task):
    author = session.query("User").first()

    def write(content):
        return session.create("Note", {"content": content, "author": author})

    return write


def contents(task):
    return sorted(note["content"] for note in task["notes"])


def test_added_and_removed_items_are_committed(session, open_session, project_task, note):
    first, second = note("one"), note("two")
    project_task["notes"].append(first)
    project_task["notes"].insert(0, second)
    session.commit()
    assert contents(open_session().get("Task", project_task["id"])) == ["one", "two"]
    project_task["notes"].remove(first)
    session.commit()
    assert list(project_task["notes"]) == [second]


def test_duplicate_item_is_refused(session, project_task, note):
    first, second = note("one"), note("two")
    project_task["notes"].extend([first, second])
    with pytest.raises(DuplicateItemInCollectionError, match="already"):
        project_task["notes"].append(first)
    with pytest.raises(DuplicateItemInCollectionError):
        project_task["notes"][0] = second
    with pytest.raises(DuplicateItemInCollectionError):
        project_task["notes"] = [first, first]
    project_task["notes"][0] = first
    assert first in project_task["notes"]
    assert len(project_task["notes"]) == 2


def test_new_entity_has_an_empty_collection(session, project_shot, sent):
    task = session.create("Task", {"name": "x", "parent": project_shot})
    assert list(task["notes"]) == []
    assert sent == []


def test_collection_is_fetched_before_its_first_change(session, open_session, project_task, note):
    project_task["notes"].append(note("one"))
    session.commit()
    careless = open_session(auto_populate=False)
    task = careless.get("Task", project_task["id"])
    task["notes"].append(careless.create("Note", {"content": "two", "author": careless.query("User").first()}))
    careless.commit()
    assert contents(open_session().get("Task", project_task["id"])) == ["one", "two"]


def test_collection_object_shows_the_latest_response(session, open_session, project_task, note):
    notes = project_task["notes"]
    assert len(notes) == 0
    other = open_session()
    theirs = other.get("Task", project_task["id"])
    theirs["notes"].append(other.create("Note", {"content": "theirs", "author": other.query("User").first()}))
    other.commit()
    session.populate(project_task, "notes.content")
    assert [each["content"] for each in notes] == ["theirs"]
    notes.append(note("ours"))
    session.commit()
    assert contents(open_session().get("Task", project_task["id"])) == ["ours", "theirs"]


def test_order_and_copy_do_not_matter_for_equality(project_task, session, note):
    first, second = note("one"), note("two")
    project_task["notes"] = [first, second]
    assert project_task["notes"] == [second, first]
    assert project_task["notes"] != [first]
    assert project_task["notes"][0:2] == [first, second]
    assert repr(project_task["notes"]).startswith("<Collection [<Note")


def test_computed_collection_is_immutable(project_task, monkeypatch):
    monkeypatch.setattr(project_task.attributes["notes"], "mutable", False)
    with pytest.raises(ImmutableCollectionError, match="cannot be changed"):
        project_task["notes"].append(project_task)


def test_metadata_is_a_dictionary(session, open_session, project_task, sent):
    metadata = project_task["metadata"]
    metadata.update({"a": "1", "b": "2"})
    session.commit()
    assert dict(open_session().get("Task", project_task["id"])["metadata"]) == {"a": "1", "b": "2"}
    metadata["a"] = "3"
    del metadata["b"]
    session.commit()
    assert dict(open_session().get("Task", project_task["id"])["metadata"]) == {"a": "3"}
    assert "b" not in metadata
    with pytest.raises(KeyError, match="has no 'b'"):
        metadata["b"]
    with pytest.raises(KeyError):
        del metadata["b"]


def test_metadata_is_set_at_creation_or_replaced(session, open_session, project_shot):
    task = session.create("Task", {"name": "x", "parent": project_shot, "metadata": {"a": "1", "b": "2"}})
    session.commit()
    task["metadata"] = {"b": "3", "c": "4"}
    session.commit()
    assert dict(open_session().get("Task", task["id"])["metadata"]) == {"b": "3", "c": "4"}


def test_rollback_reverts_metadata(session, project_task):
    project_task["metadata"]["a"] = "1"
    session.commit()
    project_task["metadata"]["a"] = "2"
    project_task["metadata"]["b"] = "3"
    session.rollback()
    assert dict(project_task["metadata"]) == {"a": "1"}


def test_metadata_of_many_tasks_is_sent_in_one_request(session, project_shot, sent):
    for number in range(50):
        task = session.create("Task", {"name": f"t{number}", "parent": project_shot})
        task["metadata"]["k"] = "v"
    session.commit()
    assert len(sent) == 1
    assert len(sent[0]) == 150


def test_non_entity_is_refused_with_a_message(session, project_task):
    notes = project_task["notes"]
    for wrong in ("x", None):
        refusal = rf"{wrong!r} cannot be added to notes of .*: it is not an entity\. Pass"
        with pytest.raises(CollectionError, match=refusal):
            notes.append(wrong)
    with pytest.raises(CollectionError, match=r"'o' cannot be added to notes of .* it is not an entity"):
        project_task["notes"] = "one"
    with pytest.raises(CollectionError, match=r"'one' cannot be metadata of .* Pass a dictionary"):
        project_task["metadata"] = "one"
    with pytest.raises(ValueError, match=r"<Task .* is not in notes of <Task"):
        notes.remove(project_task)
    assert len(session.recorded_operations) == 0


def test_change_of_a_copy_does_not_change_the_entity(session, project_task, note):
    first = note("one")
    project_task["notes"].append(first)
    project_task["metadata"]["camera"] = "A"
    notes, metadata = copy.copy(project_task["notes"]), copy.copy(project_task["metadata"])
    notes.clear()
    metadata["lens"] = "35"
    assert list(project_task["notes"]) == [first]
    assert dict(project_task["metadata"]) == {"camera": "A"}
    assert metadata == {"camera": "A", "lens": "35"}


def test_keys_returns_a_list(project_task):
    project_task["metadata"]["camera"] = "A"
    assert project_task["metadata"].keys() == ["camera"]
    assert project_task.attributes.keys()[:2] == list(project_task)[:2]


def test_immutable_metadata_refuses_new_keys(project_task):
    project_task["metadata"].mutable = False
    with pytest.raises(ImmutableCollectionError):
        project_task["metadata"]["camera"] = "A"
    assert project_task["metadata"].attribute.name == "metadata"
