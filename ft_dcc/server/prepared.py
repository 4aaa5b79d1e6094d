"""Statements that are run for every request: compiled once, and run without a detour."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert

_DIALECT = sqlite.dialect(paramstyle="qmark")
_LIST = re.compile(r"__\[POSTCOMPILE_([^\]]+)\]")
_NOTHING = "SELECT 1 WHERE 1 != 1"

Rows = Sequence[tuple[Any, ...]]


class Prepared:
    """A statement as text and the places of its parameters.

    SQLAlchemy takes five times as long to look a compiled statement up and to wrap its rows as SQLite takes to run it.
    Values and columns must be what SQLite stores: integers, numbers and texts.
    """

    def __init__(self, statement: Select[Any] | Insert) -> None:
        compiled: Any = statement.compile(dialect=_DIALECT)
        # Text, the name of a list, text, the name of another list, …
        self._pieces: list[str] = _LIST.split(str(compiled))
        self._names: list[str] = list(compiled.positiontup)
        self._fixed: dict[str, Any] = dict(compiled.params)
        self._lists = set(self._pieces[1::2])

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> Rows:
        """Return what the statement finds, within the connection's transaction; raises sqlite3's errors."""
        given = {**self._fixed, **parameters}
        if self._lists:
            pairs = [(name, given[name]) for name in self._names]
            values = [one for name, value in pairs for one in (value if name in self._lists else (value,))]
            return run(connection, self._text(given), values)
        return run(connection, self._pieces[0], [given[name] for name in self._names])

    def _text(self, given: Mapping[str, Any]) -> str:
        pieces = list(self._pieces)
        for place in range(1, len(pieces), 2):
            pieces[place] = ", ".join("?" * len(given[pieces[place]])) or _NOTHING
        return "".join(pieces)


def run(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Rows:
    """Return the rows of a statement, past SQLAlchemy."""
    driver: Any = connection.connection.dbapi_connection
    rows: Rows = driver.execute(statement, values).fetchall()
    return rows
