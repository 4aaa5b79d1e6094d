"""Statements that are compiled once and run on the driver, for use in every request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert

from ft_dcc.server.errors import ParseError

_DIALECT = sqlite.dialect(paramstyle="qmark")
_LIST = re.compile(r"__\[POSTCOMPILE_([^\]]+)\]")
_EMPTY_LIST = "SELECT 1 WHERE 1 != 1"
# In the ``info`` of a connection: how many more characters its statements may return.
TEXT_BUDGET = "ft_dcc_text_budget"
_ROWS_BETWEEN_CHECKS, _OTHER_VALUE = 64, 8

Rows = Sequence[tuple[Any, ...]]


class Prepared:
    """A compiled statement, whose parameters may be lists.

    SQLAlchemy takes five times as long to look up a compiled statement and to wrap its rows as SQLite takes to run it.
    Values and columns must have the types that SQLite stores: integers, numbers and texts.
    """

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | Insert) -> None:
        compiled: Any = statement.compile(dialect=_DIALECT)
        # Text, the name of a list, text, the name of another list, …
        self._pieces: list[str] = _LIST.split(str(compiled))
        self._names: list[str] = list(compiled.positiontup)
        self._fixed: dict[str, Any] = dict(compiled.params)
        self._lists = set(self._pieces[1::2])

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> Rows:
        """Return the rows of the statement, in the connection's transaction; raises the errors of sqlite3."""
        given = {**self._fixed, **parameters}
        if self._lists:
            pairs = [(name, given[name]) for name in self._names]
            values = [one for name, value in pairs for one in (value if name in self._lists else (value,))]
            return run(connection, self._text(given), values)
        return run(connection, self._pieces[0], [given[name] for name in self._names])

    def change(self, connection: Connection, parameters: Mapping[str, Any]) -> int:
        """Run an INSERT, whose missing columns are NULL; return the number of rows; raises the errors of sqlite3."""
        driver: Any = connection.connection.dbapi_connection
        return int(driver.execute(self._pieces[0], [parameters.get(name) for name in self._names]).rowcount)

    def _text(self, given: Mapping[str, Any]) -> str:
        pieces = list(self._pieces)
        for index in range(1, len(pieces), 2):
            pieces[index] = ", ".join("?" * len(given[pieces[index]])) or _EMPTY_LIST
        return "".join(pieces)


def run(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Rows:
    """Return the rows of a statement, run on the driver without SQLAlchemy.

    Raises ParseError for more text than the connection may return.
    """
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.execute(statement, values)
    left = connection.info.get(TEXT_BUDGET)
    if left is None:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
    rows = []
    while found := cursor.fetchmany(_ROWS_BETWEEN_CHECKS):
        rows += found
        left -= sum(len(value) if value.__class__ is str else _OTHER_VALUE for row in found for value in row)
        if left < 0:
            cursor.close()
            raise ParseError("The answer is too large. Select fewer attributes, or fewer entities with 'limit'.")
    connection.info[TEXT_BUDGET] = left
    return rows
