"""A cache of the JSON bodies of the review page, each valid until the next commit of the database."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from sqlalchemy import Connection

from ft_dcc.server.database.store import Store

_MAX_BODIES = 256
_GZIP_LEVEL = 5

Key = tuple[Any, ...]
T = TypeVar("T")
Kept = OrderedDict[Key, tuple[int, T]]


@attrs.frozen
class Cached:
    """A body, the same compressed, and its ETag."""

    body: bytes = attrs.field(repr=False)
    compressed: bytes = attrs.field(repr=False)
    tag: str


class ResponseCache:
    """The bodies that were read last; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Commits are counted from the start of the server, so that ETags of different runs must differ.
        self._run = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._bodies: Kept[Cached] = OrderedDict()
        self._texts: Kept[str] = OrderedDict()

    def get(self, key: Key, commit: int, read: Callable[[Connection], str]) -> Cached:
        """Return the body for this key at this commit, or read it now; its ETag is of run, commit and key."""

        def pack(text: str) -> Cached:
            body, digest = text.encode(), hashlib.sha256(repr(key).encode()).hexdigest()[:12]
            return Cached(body, gzip.compress(body, _GZIP_LEVEL, mtime=0), f'"{self._run}-{commit}-{digest}"')

        return self._get(self._bodies, key, commit, read, pack)

    def get_text(self, key: Key, commit: int, read: Callable[[Connection], str]) -> str:
        """Return a part of several bodies likewise."""
        return self._get(self._texts, key, commit, read, str)

    def _get(
        self, kept: Kept[T], key: Key, commit: int, read: Callable[[Connection], str], make: Callable[[str], T]
    ) -> T:
        with self._lock:
            found = kept.get(key)
        if found is not None and found[0] == commit:
            return found[1]
        with self._store.reading() as connection:
            value = make(read(connection))
        with self._lock:
            kept[key] = commit, value
            kept.move_to_end(key)
            while len(kept) > _MAX_BODIES:
                kept.popitem(last=False)
        return value


def to_json(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"))
