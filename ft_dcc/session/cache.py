"""Caches of entities, layers of caches, and the keys of entities in them."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import logging
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ft_dcc.errors import StorageError

_log = logging.getLogger(__name__)


class Cache(ABC):
    """A cache of entities; ``get`` and ``remove`` raise KeyError for an unknown key."""

    @abstractmethod
    def get(self, key: str) -> Any:
        """Return the value of the key."""

    @abstractmethod
    def set(self, key: str, value: Any) -> None:
        """Store a value under the key."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove the value of the key."""

    @abstractmethod
    def keys(self) -> list[str]:
        """Return all keys."""

    def values(self) -> list[Any]:
        """Return all values."""
        return [self.get(key) for key in self.keys()]

    def clear(self, pattern: str | None = None) -> None:
        """Remove the values of the keys that the regular expression matches anywhere, or all values."""
        for key in self.keys():
            if pattern is None or re.search(pattern, key):
                # Another program may have removed it already.
                with contextlib.suppress(KeyError):
                    self.remove(key)


class MemoryCache(Cache):
    """A cache in memory."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """Return the value of the key."""
        return self._values[key]

    def set(self, key: str, value: Any) -> None:
        """Store a value under the key."""
        self._values[key] = value

    def remove(self, key: str) -> None:
        """Remove the value of the key."""
        del self._values[key]

    def keys(self) -> list[str]:
        """Return all keys."""
        return list(self._values)


class LayeredCache(Cache):
    """Layers of caches, the fastest first; a value found in a lower layer is stored in those above."""

    def __init__(self, caches: Iterable[Cache]) -> None:
        self.caches = list(caches)

    def get(self, key: str) -> Any:
        """Return the value of the key from the first layer that has it."""
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
        """Store the value in all layers."""
        for cache in self.caches:
            cache.set(key, value)

    def remove(self, key: str) -> None:
        """Remove the value of the key from all layers."""
        is_removed = False
        for cache in self.caches:
            with contextlib.suppress(KeyError):
                cache.remove(key)
                is_removed = True
        if not is_removed:
            raise KeyError(key)

    def keys(self) -> list[str]:
        """Return the keys of all layers, without duplicates."""
        return list(dict.fromkeys(itertools.chain.from_iterable(cache.keys() for cache in self.caches)))


class ProxyCache(LayeredCache):
    """A wrapper of another cache, for subclasses that change its behaviour."""

    def __init__(self, proxied: Cache) -> None:
        super().__init__([proxied])
        self.proxied = proxied


class SerialisedCache(ProxyCache):
    """A wrapper that encodes values for a cache of texts, and decodes them."""

    def __init__(self, proxied: Cache, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> None:
        super().__init__(proxied)
        self.encode = encode
        self.decode = decode

    def get(self, key: str) -> Any:
        """Return the decoded value of the key."""
        return self.decode(super().get(key))

    def set(self, key: str, value: Any) -> None:
        """Store the encoded value under the key."""
        super().set(key, self.encode(value))


class FileCache(Cache):
    """A cache of texts in an SQLite file, which threads and programs can share.

    A file that is damaged or no database is renamed. Raises StorageError if the file cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Imported late: some hosts' Python has no sqlite3.
        import sqlite3

        self._lock = threading.Lock()
        try:
            self._open(os.fspath(path))
        except sqlite3.OperationalError as error:
            raise StorageError(f"The cache {path} cannot be used: {error}. Choose a file in another folder.") from error
        except sqlite3.DatabaseError as error:
            # Imported late: it is rare, and the session is to load little.
            from ft_dcc.files.atomic import replace

            self._connection.close()
            replace(Path(path), Path(f"{os.fspath(path)}.damaged"))
            _log.warning("The cache %s was damaged and is created again; it was renamed to .damaged. (%s)", path, error)
            self._open(os.fspath(path))

    def _open(self, path: str) -> None:
        import sqlite3

        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        # Values lost in a power failure are fetched again.
        self._run("pragma synchronous = off")
        self._run("pragma journal_mode = wal")
        self._run("create table if not exists entities (key text primary key, value text not null) without rowid")

    def get(self, key: str) -> Any:
        """Return the text of the key."""
        found = self._run("select value from entities where key = ?", key)
        if not found:
            raise KeyError(key)
        return found[0][0]

    def set(self, key: str, value: Any) -> None:
        """Store a text under the key."""
        self._run("insert or replace into entities values (?, ?)", key, value)

    def remove(self, key: str) -> None:
        """Remove the text of the key."""
        self.get(key)
        self._run("delete from entities where key = ?", key)

    def keys(self) -> list[str]:
        """Return all keys."""
        return [row[0] for row in self._run("select key from entities order by key")]

    def close(self) -> None:
        """Close the file; the cache cannot be used afterwards. Safe to call twice."""
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


class KeyMaker(ABC):
    """The base class of key makers; subclasses define the key of one value."""

    item_separator: Any = ""

    def key(self, *items: Any) -> Any:
        """Return the key for these values."""
        return self.item_separator.join(self._key(item) for item in items)

    @abstractmethod
    def _key(self, obj: Any) -> Any:
        """Return the part of the key for one value."""


class StringKeyMaker(KeyMaker):
    """A maker of readable keys: the texts of the values."""

    def _key(self, obj: Any) -> str:
        return str(obj)


class ObjectKeyMaker(KeyMaker):
    """A maker of keys as bytes for values of any kind; the order of dictionaries does not matter."""

    item_separator = b"\x00"

    def _key(self, obj: Any) -> bytes:
        """Return the pickled value, with its dictionaries sorted."""
        # Imported late: these keys are rare.
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


class Memoiser:
    """Calls functions and caches their results by arguments; with ``return_copies`` it returns copies of them."""

    def __init__(
        self, cache: Cache | None = None, key_maker: KeyMaker | None = None, return_copies: bool = True
    ) -> None:
        self.cache = MemoryCache() if cache is None else cache
        self.key_maker = ObjectKeyMaker() if key_maker is None else key_maker
        self.return_copies = return_copies

    def call(
        self, function: Callable[..., Any], args: Sequence[Any] | None = None, kw: dict[str, Any] | None = None
    ) -> Any:
        """Return the function's result for these arguments; positional and keyword arguments are equivalent."""
        args, kw = args or (), kw or {}
        # Imported late: inspect would add a third to the import time of the session.
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
    """Return a decorator for functions that the memoiser calls."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def memoised(*args: Any, **kw: Any) -> Any:
            return memoiser.call(function, args, kw)

        return memoised

    return decorate


memoiser = Memoiser()
memoise = memoise_decorator(memoiser)
