import pytest

from ft_dcc.errors import StorageError
from ft_dcc.session import cache as caches
from ft_dcc.session.symbol import NOT_SET


@pytest.fixture(params=["memory", "file", "layered"])
def cache(request, tmp_path):
    if request.param == "file":
        made = caches.FileCache(tmp_path / "cache.db")
        yield made
        made.close()
    else:
        yield (
            caches.MemoryCache()
            if request.param == "memory"
            else caches.LayeredCache([caches.MemoryCache(), caches.MemoryCache()])
        )


def test_value_is_found_until_it_is_removed(cache):
    cache.set("a", "1")
    cache.set("b", "2")
    cache.set("a", "3")
    assert cache.get("a") == "3"
    assert sorted(cache.keys()) == ["a", "b"]
    assert sorted(cache.values()) == ["2", "3"]
    cache.remove("a")
    assert list(cache.keys()) == ["b"]


def test_unknown_key_raises_key_error(cache):
    with pytest.raises(KeyError):
        cache.get("nothing")
    with pytest.raises(KeyError):
        cache.remove("nothing")


def test_matching_keys_are_cleared(cache):
    for key in ("Task 1", "Task 2", "Shot 1"):
        cache.set(key, "x")
    cache.clear("^Task")
    assert list(cache.keys()) == ["Shot 1"]
    cache.clear()
    assert list(cache.keys()) == []


def test_value_of_a_lower_layer_is_stored_above():
    above, below = caches.MemoryCache(), caches.MemoryCache()
    below.set("a", "1")
    assert caches.LayeredCache([above, below]).get("a") == "1"
    assert above.keys() == ["a"]


def test_file_cache_is_read_by_the_next_program(tmp_path):
    first = caches.FileCache(tmp_path / "cache.db")
    first.set("ключ", "wert ✓")
    first.close()
    second = caches.FileCache(tmp_path / "cache.db")
    assert second.get("ключ") == "wert ✓"
    second.close()


def test_damaged_file_is_renamed_and_created_again(tmp_path, caplog):
    (tmp_path / "cache.db").write_bytes(b"what another program wrote here " * 200)
    for _ in range(2):
        cache = caches.FileCache(tmp_path / "cache.db")
        cache.set("a", "1")
        assert cache.get("a") == "1"
        cache.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cache.db was damaged and is created again" in caplog.text
    assert (tmp_path / "cache.db.damaged").read_bytes().startswith(b"what another program")


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere.cache\.db cannot be used: .* Choose a file in another folder\."):
        caches.FileCache(tmp_path / "nowhere" / "cache.db")


def test_serialised_cache_holds_texts():
    texts = caches.MemoryCache()
    cache = caches.SerialisedCache(texts, encode=str, decode=int)
    cache.set("a", 7)
    assert texts.get("a") == "7"
    assert cache.get("a") == 7


def test_string_keys_are_readable():
    assert caches.StringKeyMaker().key(("Task", ["1"])) == "('Task', ['1'])"


def test_studio_key_maker_is_used():
    class Loud(caches.KeyMaker):
        item_separator = "-"

        def _key(self, obj):
            return str(obj).upper()

    assert Loud().key("task", "7b1d") == "TASK-7B1D"


def test_object_keys_ignore_the_order_of_dictionaries():
    maker = caches.ObjectKeyMaker()
    assert maker.key({"a": 1, "b": [2]}) == maker.key({"b": [2], "a": 1})
    assert maker.key({"a": 1}) != maker.key({"a": 2})
    assert maker.key("ab", "c") != maker.key("a", "bc")


def test_memoised_function_is_called_once_for_equal_arguments():
    calls = []

    @caches.memoise_decorator(caches.Memoiser())
    def add(first, second=2):
        calls.append((first, second))
        return [first + second]

    assert add(1, 2) == [3]
    add(1, second=2).append(99)
    assert add(1) == [3]
    assert add(1, 3) == [4]
    assert calls == [(1, 2), (1, 3)]


def test_clear_ignores_keys_removed_by_another_program():
    class Shared(caches.MemoryCache):
        def keys(self):
            return ["gone", *super().keys()]

    cache = Shared()
    cache.set("here", 1)
    cache.clear()
    assert cache.keys() == ["gone"]


@pytest.fixture
def file_cache(tmp_path):
    cache = caches.FileCache(tmp_path / "entities.db")
    yield cache
    cache.close()


@pytest.fixture
def persistent(file_cache):
    """Return a function for ``cache`` that stores entities as texts in a file."""

    def make(session):
        return caches.SerialisedCache(
            file_cache, encode=lambda entity: session.encode(entity, "persisted_only"), decode=session.decode
        )

    return make


def test_identity_map_is_the_first_layer(session, open_session, persistent, project_task):
    assert isinstance(session.cache, caches.LayeredCache)
    assert len(session.cache.caches) == 1
    assert session.cache.get(session.cache_key_maker.key(("Task", [project_task["id"]]))) is project_task
    assert project_task in session.cache.values()
    assert isinstance(open_session(cache=persistent).cache.caches[1], caches.SerialisedCache)
    assert open_session(cache=lambda session: None).cache.keys() == []


def test_cached_entity_is_read_without_a_request(open_session, persistent, project_task, sent):
    first = open_session(cache=persistent)
    first.query(f"select name, status.name, parent.name from Task where id is {project_task['id']}").one()
    second = open_session(cache=persistent, auto_populate=False)
    assert second.types["Task"]
    sent.clear()
    task = second.get("Task", project_task["id"])
    assert (task["name"], task["status"]["name"], task["parent"]["name"]) == ("animation", "In progress", "sh010")
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
    memory = caches.MemoryCache()
    maker = caches.ObjectKeyMaker()
    session = open_session(cache=memory, cache_key_maker=maker)
    task = session.get("Task", project_task["id"])
    assert memory.get(maker.key(("Task", [task["id"]]))) is task


def test_cache_is_cleared(open_session, project_task):
    session = open_session(cache=caches.MemoryCache())
    session.get("Task", project_task["id"])
    session.cache.clear("^\\('Task'")
    assert [key for key in list(session.cache.keys()) if key.startswith("('Task'")] == []


def test_a_script_that_clears_the_entities_in_memory_reads_them_again(open_session, project_task):
    session, other = open_session(), open_session()
    before = session.get("Task", project_task["id"])
    assert before["description"] != "changed"
    other.get("Task", project_task["id"])["description"] = "changed"
    other.commit()
    assert before["description"] != "changed"
    session._local_cache.clear()
    assert session.get("Task", project_task["id"])["description"] == "changed"
