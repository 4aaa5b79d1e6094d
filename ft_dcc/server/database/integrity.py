"""Find damage in a database file, and keep what was found for ``/health``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from ft_dcc.files.atomic import write_atomically

_HEALTH_FILE = "health.json"
_MAX_MESSAGES = 3


def find_damage(database: Path) -> str:
    """Return what is wrong with a database file, "" for nothing; a server may be writing to it.

    Reads the whole file: pages, indexes and references between rows.
    """
    uri = f"{database.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            for check in ("quick_check", "integrity_check"):
                found = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({_MAX_MESSAGES})")]
                if found != ["ok"]:
                    return " ".join("; ".join(found).split())
            orphans = {str(row[0]) for row in connection.execute("PRAGMA foreign_key_check")}
    except sqlite3.DatabaseError as error:
        return str(error)
    return f"rows of {', '.join(sorted(orphans))} refer to rows that are missing" if orphans else ""


def read_problems(data: Path) -> dict[str, list[str]]:
    """Return the problems of a data folder by their source: "backup", "database" or "media"."""
    try:
        found = json.loads((data / _HEALTH_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(source): [str(text) for text in texts] for source, texts in found.items() if isinstance(texts, list)}


def write_problems(data: Path, problems: Mapping[str, Iterable[str]]) -> None:
    """Replace the problems of these sources; they are kept across restarts until a later check finds none."""
    known = read_problems(data)
    found = {**known, **{source: list(texts) for source, texts in problems.items()}}
    updated = {source: texts for source, texts in found.items() if texts}
    if updated != known:
        # A full disk is a problem that /health shows without this file.
        with suppress(OSError):
            write_atomically(data / _HEALTH_FILE, json.dumps(updated).encode(), is_private=True)
