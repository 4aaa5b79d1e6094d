from __future__ import annotations

import pytest

from ft_dcc.errors import StorageError
from ft_dcc.session.cache.cache import (
    FileCache,
    KeyMaker,
    LayeredCache,
    Memoiser,
    MemoryCache,
    ObjectKeyMaker,
    ProxyCache,
    SerialisedCache,
    StringKeyMaker,
    memoise_decorator,
)


@pytest.fixture(params=["memory", "file", "proxy", "layered"])
def cache(request, tmp_path):
    if request.param == "file":
        made = FileCache(tmp_path / "cache.db")
        yield made
        made.close()
    else:
        yield {
            "memory": MemoryCache,
            "proxy": lambda: ProxyCache(MemoryCache()),
            "layered": lambda: LayeredCache([MemoryCache(), MemoryCache()]),
        }[request.param]()


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
    above, below = MemoryCache(), MemoryCache()
    below.set("a", "1")
    layers = LayeredCache([above, below])
    assert layers.get("a") == "1"
    assert above.keys() == ["a"]


def test_file_cache_is_read_by_the_next_program(tmp_path):
    first = FileCache(tmp_path / "cache.db")
    first.set("ключ", "wert ✓")
    first.close()
    second = FileCache(tmp_path / "cache.db")
    assert second.get("ключ") == "wert ✓"
    second.close()


def test_damaged_file_is_renamed_and_created_again(tmp_path, caplog):
    (tmp_path / "cache.db").write_bytes(b"what another program wrote here " * 200)
    for _ in range(2):
        cache = FileCache(tmp_path / "cache.db")
        cache.set("a", "1")
        assert cache.get("a") == "1"
        cache.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cache.db was damaged and is created again" in caplog.text
    assert (tmp_path / "cache.db.damaged").read_bytes().startswith(b"what another program")


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere.cache\.db cannot be used: .* Choose a file in another folder\."):
        FileCache(tmp_path / "nowhere" / "cache.db")


def test_serialised_cache_holds_texts():
    texts = MemoryCache()
    cache = SerialisedCache(texts, encode=str, decode=int)
    cache.set("a", 7)
    assert texts.get("a") == "7"
    assert cache.get("a") == 7


def test_string_keys_are_readable():
    assert StringKeyMaker().key(("Task", ["1"])) == "('Task', ['1'])"


def test_studio_key_maker_is_used():
    class Loud(KeyMaker):
        item_separator = "-"

        def _key(self, obj):
            return str(obj).upper()

    assert Loud().key("task", "7b1d") == "TASK-7B1D"


def test_object_keys_ignore_the_order_of_dictionaries():
    maker = ObjectKeyMaker()
    assert maker.key({"a": 1, "b": [2]}) == maker.key({"b": [2], "a": 1})
    assert maker.key({"a": 1}) != maker.key({"a": 2})
    assert maker.key("ab", "c") != maker.key("a", "bc")


def test_memoised_function_is_called_once_for_equal_arguments():
    calls = []

    @memoise_decorator(Memoiser())
    def add(first, second=2):
        calls.append((first, second))
        return [first + second]

    assert add(1, 2) == [3]
    add(1, second=2).append(99)
    assert add(1) == [3]
    assert add(1, 3) == [4]
    assert calls == [(1, 2), (1, 3)]


def test_clear_ignores_keys_removed_by_another_program():
    class Shared(MemoryCache):
        def keys(self):
            return ["gone", *super().keys()]

    cache = Shared()
    cache.set("here", 1)
    cache.clear()
    assert cache.keys() == ["gone"]
