from __future__ import annotations

import pytest

from ft_dcc.session.cache.cache import FileCache, LayeredCache, MemoryCache, ObjectKeyMaker, SerialisedCache
from ft_dcc.session.symbol import NOT_SET


@pytest.fixture
def file_cache(tmp_path):
    cache = FileCache(tmp_path / "entities.db")
    yield cache
    cache.close()


@pytest.fixture
def persistent(file_cache):
    """Return a function for ``cache`` that stores entities as texts in a file."""

    def make(session):
        return SerialisedCache(
            file_cache, encode=lambda entity: session.encode(entity, "persisted_only"), decode=session.decode
        )

    return make


def test_identity_map_is_the_first_layer(session, open_session, persistent, project_task):
    assert isinstance(session.cache, LayeredCache)
    assert len(session.cache.caches) == 1
    assert session.cache.get(f"('Task', ['{project_task['id']}'])") is project_task
    assert project_task in session.cache.values()
    other = open_session(cache=persistent)
    assert isinstance(other.cache.caches[1], SerialisedCache)
    assert open_session(cache=lambda session: None).cache.keys() == []


def test_cached_entity_is_not_fetched_again(open_session, persistent, project_task, sent):
    first = open_session(cache=persistent)
    first.query(f"select name, description, parent.name from Task where id is {project_task['id']}").one()
    second = open_session(cache=persistent)
    assert second.types["Task"]
    sent.clear()
    task = second.get("Task", project_task["id"])
    assert task["name"] == "animation"
    assert task["parent"]["name"] == "sh010"
    assert sent == []


def test_cached_value_is_read_without_auto_populate(open_session, persistent, project_task, sent):
    first = open_session(cache=persistent)
    first.query(f"select name, status.name from Task where id is {project_task['id']}").one()
    second = open_session(cache=persistent, auto_populate=False)
    assert second.types["Task"]
    sent.clear()
    task = second.get("Task", project_task["id"])
    assert (task["name"], task["status"]["name"]) == ("animation", "In progress")
    assert task["description"] is NOT_SET
    assert sent == []


def test_cached_value_does_not_hide_the_server_value(open_session, persistent, session, project_task):
    open_session(cache=persistent).query(f"select name, description from Task where id is {project_task['id']}").one()
    project_task["name"] = "renamed"
    session.commit()
    late = open_session(cache=persistent)
    task = late.query(f"select name from Task where id is {project_task['id']}").one()
    assert task["name"] == "renamed"
    assert task["description"] == project_task["description"]
    assert task["name"] == "renamed"


def test_deleted_entity_is_removed_from_the_cache(open_session, persistent, file_cache, project_task):
    session = open_session(cache=persistent)
    task = session.get("Task", project_task["id"])
    key = f"('Task', ['{project_task['id']}'])"
    assert key in list(file_cache.keys())
    session.delete(task)
    session.commit()
    assert key not in list(file_cache.keys())
    assert key not in list(session.cache.keys())


def test_cache_instance_with_own_key_maker_is_used(open_session, project_task):
    memory = MemoryCache()
    maker = ObjectKeyMaker()
    session = open_session(cache=memory, cache_key_maker=maker)
    task = session.get("Task", project_task["id"])
    assert memory.get(maker.key(("Task", [task["id"]]))) is task


def test_cache_is_cleared(open_session, project_task):
    session = open_session(cache=MemoryCache())
    session.get("Task", project_task["id"])
    session.cache.clear("^\\('Task'")
    assert [key for key in list(session.cache.keys()) if key.startswith("('Task'")] == []
