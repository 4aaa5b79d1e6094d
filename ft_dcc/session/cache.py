"""Caches of entities, one above the other, and the keys under which entities lie in them."""

from __future__ import annotations

import copy
import functools
import logging
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ft_dcc.errors import DiskUnusable

_log = logging.getLogger(__name__)


class Cache(ABC):
    """What a session keeps entities in; ``get`` and ``remove`` raise KeyError for a key that is not there."""

    @abstractmethod
    def get(self, key: str) -> Any:
        """Return what lies under the key."""

    @abstractmethod
    def set(self, key: str, value: Any) -> None:
        """Put something under the key."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Take away what lies under the key."""

    @abstractmethod
    def keys(self) -> list[str]:
        """Return all keys."""

    def values(self) -> list[Any]:
        """Return all that is kept."""
        return [self.get(key) for key in self.keys()]

    def clear(self, pattern: str | None = None) -> None:
        """Take away what lies under the keys in which the regular expression is found, or everything."""
        for key in self.keys():
            if pattern is None or re.search(pattern, key):
                # Another program may have been quicker.
                _removed(self, key)


class MemoryCache(Cache):
    """Keeps things as they are, as long as the program runs."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """Return what lies under the key."""
        return self._kept[key]

    def set(self, key: str, value: Any) -> None:
        """Put something under the key."""
        self._kept[key] = value

    def remove(self, key: str) -> None:
        """Take away what lies under the key."""
        del self._kept[key]

    def keys(self) -> list[str]:
        """Return all keys."""
        return list(self._kept)


class ProxyCache(Cache):
    """Another cache, for subclasses that change a part of it."""

    def __init__(self, proxied: Cache) -> None:
        self.proxied = proxied

    def get(self, key: str) -> Any:
        """Return what lies under the key."""
        return self.proxied.get(key)

    def set(self, key: str, value: Any) -> None:
        """Put something under the key."""
        self.proxied.set(key, value)

    def remove(self, key: str) -> None:
        """Take away what lies under the key."""
        self.proxied.remove(key)

    def keys(self) -> list[str]:
        """Return all keys."""
        return self.proxied.keys()


class SerialisedCache(ProxyCache):
    """A cache of texts, and how things become texts and things again."""

    def __init__(self, proxied: Cache, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> None:
        super().__init__(proxied)
        self.encode = encode
        self.decode = decode

    def get(self, key: str) -> Any:
        """Return the thing whose text lies under the key."""
        return self.decode(super().get(key))

    def set(self, key: str, value: Any) -> None:
        """Put the text of a thing under the key."""
        super().set(key, self.encode(value))


class LayeredCache(Cache):
    """Caches one above the other, the fastest on top: what only a lower one has is put into those above."""

    def __init__(self, caches: Iterable[Cache]) -> None:
        self.caches = list(caches)

    def get(self, key: str) -> Any:
        """Return what lies under the key in the highest cache that has it."""
        for depth, cache in enumerate(self.caches):
            try:
                value = cache.get(key)
            except KeyError:
                continue
            for above in self.caches[:depth]:
                above.set(key, value)
            return value
        raise KeyError(key)

    def set(self, key: str, value: Any) -> None:
        """Put something under the key of each."""
        for cache in self.caches:
            cache.set(key, value)

    def remove(self, key: str) -> None:
        """Take away what lies under the key in any of them."""
        removed = [_removed(cache, key) for cache in self.caches]
        if not any(removed):
            raise KeyError(key)

    def keys(self) -> list[str]:
        """Return the keys of all of them, each once."""
        keys: dict[str, None] = {}
        for cache in self.caches:
            keys.update(dict.fromkeys(cache.keys()))
        return list(keys)


class FileCache(Cache):
    """Keeps texts in a file that outlives the program, and that threads and other programs may use at once.

    A file that is damaged, or another program's, is set aside. Raises DiskUnusable where there can be none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Not every host's Python has it, and without a file cache nobody needs it.
        import sqlite3

        self._lock = threading.Lock()
        try:
            self._open(os.fspath(path))
        except sqlite3.OperationalError as error:
            raise DiskUnusable(f"The cache {path} cannot be used: {error}. Give a file in another folder.") from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            Path(path).replace(f"{os.fspath(path)}.damaged")
            _log.warning("The cache %s is damaged and begun anew; it lies beside it as .damaged. (%s)", path, error)
            self._open(os.fspath(path))

    def _open(self, path: str) -> None:
        import sqlite3

        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        # What is lost in a power cut is fetched again.
        self._run("pragma synchronous = off")
        self._run("pragma journal_mode = wal")
        self._run("create table if not exists entities (key text primary key, value text not null) without rowid")

    def get(self, key: str) -> Any:
        """Return the text under the key."""
        found = self._run("select value from entities where key = ?", key)
        if not found:
            raise KeyError(key)
        return found[0][0]

    def set(self, key: str, value: Any) -> None:
        """Put a text under the key."""
        self._run("insert or replace into entities values (?, ?)", key, value)

    def remove(self, key: str) -> None:
        """Take away the text under the key."""
        self.get(key)
        self._run("delete from entities where key = ?", key)

    def keys(self) -> list[str]:
        """Return all keys."""
        return [row[0] for row in self._run("select key from entities order by key")]

    def close(self) -> None:
        """Let go of the file; the cache cannot be used after that. Safe to call twice."""
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


class KeyMaker(ABC):
    """Makes the key for some values; a subclass says what one value becomes."""

    item_separator: Any = ""

    def key(self, *items: Any) -> Any:
        """Return the key for these values."""
        return self.item_separator.join(self._key(item) for item in items)

    @abstractmethod
    def _key(self, obj: Any) -> Any:
        """Return what one value contributes to the key."""


class StringKeyMaker(KeyMaker):
    """Makes keys that a person can read: the texts of the values."""

    def _key(self, obj: Any) -> str:
        """Return the text of the value."""
        return str(obj)


class ObjectKeyMaker(KeyMaker):
    """Makes keys, as bytes, for values of any kind, the same for dictionaries that differ only in their order."""

    item_separator = b"\x00"

    def _key(self, obj: Any) -> bytes:
        """Return the value pickled, with its dictionaries in order."""
        # Few need keys of this kind.
        import pickle

        return pickle.dumps(_ordered(obj))


def _ordered(item: Any) -> Any:
    if isinstance(item, dict):
        return ("dict", sorted(((_ordered(key), _ordered(value)) for key, value in item.items()), key=repr))
    if isinstance(item, (list, tuple)):
        return (type(item).__name__, [_ordered(value) for value in item])
    if isinstance(item, Sequence) or not callable(item):
        return item
    return (item.__module__, item.__qualname__)


def _removed(cache: Cache, key: str) -> bool:
    try:
        cache.remove(key)
    except KeyError:
        return False
    return True


class Memoiser:
    """Calls functions, and knows what they returned for the same arguments before.

    With ``return_copies`` nobody can change what is kept by changing what was returned.
    """

    def __init__(
        self, cache: Cache | None = None, key_maker: KeyMaker | None = None, return_copies: bool = True
    ) -> None:
        self.cache = MemoryCache() if cache is None else cache
        self.key_maker = ObjectKeyMaker() if key_maker is None else key_maker
        self.return_copies = return_copies

    def call(
        self, function: Callable[..., Any], args: Sequence[Any] | None = None, kw: dict[str, Any] | None = None
    ) -> Any:
        """Return what the function returns for these arguments, in whichever way they are given."""
        args, kw = args or (), kw or {}
        # A third of what else a session loads, and most have no use for it.
        import inspect

        bound = inspect.signature(function).bind(*args, **kw)
        bound.apply_defaults()
        key = self.key_maker.key(function, dict(bound.arguments))
        try:
            value = self.cache.get(key)
        except KeyError:
            value = function(*args, **kw)
            self.cache.set(key, value)
        return copy.deepcopy(value) if self.return_copies else value


def memoise_decorator(memoiser: Memoiser) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator for functions that the memoiser is to call."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def remembered(*args: Any, **kw: Any) -> Any:
            return memoiser.call(function, args, kw)

        return remembered

    return decorate


memoiser = Memoiser()
memoise = memoise_decorator(memoiser)
