"""A cache of the JSON bodies of the review page, each valid until the next commit of the database."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import attrs
from sqlalchemy import Connection

from ft_dcc.server.database.store import Store

_MAX_BODIES = 256
_GZIP_LEVEL = 5

Key = tuple[Any, ...]


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
        self._bodies: OrderedDict[Key, tuple[int, Cached]] = OrderedDict()
        self._texts: OrderedDict[Key, tuple[int, str]] = OrderedDict()

    def get(self, key: Key, commit: int, read: Callable[[Connection], str]) -> Cached:
        """Return the body for this key that was read at this commit, or read it now.

        The ETag consists of the run of the server, the number of the commit and the key.
        """
        with self._lock:
            found = self._bodies.get(key)
        if found is not None and found[0] == commit:
            return found[1]
        with self._store.reading() as connection:
            body = read(connection).encode()
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:12]
        cached = Cached(body, gzip.compress(body, _GZIP_LEVEL, mtime=0), f'"{self._run}-{commit}-{digest}"')
        self._keep(self._bodies, key, (commit, cached))
        return cached

    def get_text(self, key: Key, commit: int, read: Callable[[Connection], str]) -> str:
        """Return a part of several bodies likewise."""
        with self._lock:
            found = self._texts.get(key)
        if found is not None and found[0] == commit:
            return found[1]
        with self._store.reading() as connection:
            text = read(connection)
        self._keep(self._texts, key, (commit, text))
        return text

    def _keep(self, kept: OrderedDict[Key, Any], key: Key, value: tuple[int, Any]) -> None:
        with self._lock:
            kept[key] = value
            kept.move_to_end(key)
            while len(kept) > _MAX_BODIES:
                kept.popitem(last=False)


def to_json(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"))
