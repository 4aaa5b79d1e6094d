"""A cache of the JSON bodies of the review page, each valid until the next commit of the database."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs
from sqlalchemy import Connection

from ft_dcc.server.database.store import Store

_MAX_KEPT = 512
_GZIP_LEVEL = 5

Key = tuple[Any, ...]
T = TypeVar("T")


@attrs.frozen
class Cached:
    """A body, the same compressed, and its ETag."""

    body: bytes = attrs.field(repr=False)
    compressed: bytes = attrs.field(repr=False)
    tag: str


class ResponseCache:
    """The bodies that were read last, and parts of them; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Commits are counted from the start of the server, so that ETags of different runs must differ.
        self._run = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[int, Any]] = OrderedDict()

    def get(self, key: Key, commit: int, read: Callable[[Connection], str]) -> Cached:
        """Return the body for this key at this commit, or read it now; its ETag is of run, commit and key."""

        def pack(connection: Connection) -> Cached:
            body, digest = read(connection).encode(), hashlib.sha256(repr(key).encode()).hexdigest()[:12]
            return Cached(body, gzip.compress(body, _GZIP_LEVEL, mtime=0), f'"{self._run}-{commit}-{digest}"')

        return self.get_value(key, commit, pack)

    def get_value(self, key: Key, commit: int, read: Callable[[Connection], T]) -> T:
        """Return a value likewise, such as a part of several bodies, whose key no body has."""
        with self._lock:
            known, found = self._kept.get(key, (-1, None))
        if found is not None and known == commit:
            return cast(T, found)
        with self._store.reading() as connection:
            value = read(connection)
        with self._lock:
            self._kept[key] = commit, value
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return value


def to_json(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"))
