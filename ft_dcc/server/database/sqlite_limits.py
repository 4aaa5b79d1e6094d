"""The limits of the SQLite library: what the server needs, what it permits, and the errors of statements beyond them.

Python 3.9 and 3.10 cannot read or set limits. There, the version tells the smallest values that a library has unless it
was built with others, and the limits of queries, which are lower, are the only ones.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from ft_dcc.errors import Error, StorageError
from ft_dcc.server.errors import ValidationError

# From this version on, a statement can have 32,766 parameters; 999 would not do for the lists of ids.
MIN_VERSION = (3, 32, 0)
# The limits by name: the least that a library must have, and what the server permits, or None for what it has.
LIMITS: dict[str, tuple[int, int | None]] = {
    "LENGTH": (64 << 20, 64 << 20),
    "SQL_LENGTH": (1_000_000, 16 << 20),
    "COLUMN": (2_000, 2_000),
    "EXPR_DEPTH": (1_000, 1_000),
    "COMPOUND_SELECT": (500, 500),
    "VDBE_OP": (250_000, 10_000_000),
    "FUNCTION_ARG": (100, None),
    "LIKE_PATTERN_LENGTH": (1_000, 1_000),
    "VARIABLE_NUMBER": (32_766, 250_000),
    "TRIGGER_DEPTH": (0, 10),
    "WORKER_THREADS": (0, 0),
}
# The server attaches no other file.
_READING_LIMITS = {"ATTACHED": 0}
# SQLite's messages for statements that exceed its limits (sqlite.org/limits.html).
_MESSAGES = (
    "parser stack overflow",
    "Expression tree is too large",
    "tables in a join",
    "too many",
    "string or blob too big",
    "pattern too complex",
)


def check_library(connection: Any, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise StorageError for a library that is too old, or was built with limits that are too low."""
    text = ".".join(map(str, version))
    if version < MIN_VERSION:
        wanted = ".".join(map(str, MIN_VERSION))
        raise StorageError(f"This Python uses SQLite {text}; the server needs {wanted}. Use a newer Python.")
    for name, (needed, _) in LIMITS.items():
        category = _category(connection, name)
        found = None if category is None else int(connection.getlimit(category))
        # 0 is no limit for the depth of expressions.
        if found is not None and found < needed and not (name == "EXPR_DEPTH" and found == 0):
            raise StorageError(
                f"This SQLite {text} was built with SQLITE_LIMIT_{name} {found}; the server needs {needed}. "
                "Use a Python with another SQLite."
            )


def apply(connection: Any, *, is_reading: bool = False) -> None:
    """Set the limits of a connection; has no effect in Python 3.9 and 3.10."""
    wanted = {name: value for name, (_, value) in LIMITS.items() if value is not None}
    for name, value in {**wanted, **(_READING_LIMITS if is_reading else {})}.items():
        if (category := _category(connection, name)) is not None:
            connection.setlimit(category, value)


def set_max_length(connection: Any, length: int) -> None:
    """Let statements of a connection fail that read a longer text or row; has no effect in Python 3.9 and 3.10."""
    if (category := _category(connection, "LENGTH")) is not None:
        connection.setlimit(category, length)


def limit_error(error: object) -> Error | None:
    """Return the error of this project for a statement that exceeded a limit of SQLite, or None for another error."""
    text = str(error)
    if not isinstance(error, sqlite3.Error) or not any(message in text for message in _MESSAGES):
        return None
    return ValidationError(f"The request is too large for the database: {text}. Send less at once.")


def _category(connection: Any, name: str) -> int | None:
    """Return SQLite's number of a limit, or None if this Python cannot use it."""
    if not hasattr(connection, "setlimit"):
        return None
    category: int | None = getattr(sqlite3, f"SQLITE_LIMIT_{name}", None)
    return category
