"""Everything that a running studio server holds on to."""

from __future__ import annotations

from pathlib import Path

import attrs

from ft_dcc.server.files import Files
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.notation import read_schema
from ft_dcc.server.schema.tables import make_tables
from ft_dcc.server.store import Store


@attrs.frozen(eq=False)
class Studio:
    """An open studio: its folder, database, schema and media, and the secret that signs its links."""

    folder: Path
    store: Store
    schema: Schema
    files: Files
    secret: bytes = attrs.field(repr=False)


def open_studio(folder: Path, secret: bytes) -> Studio:
    """Open the studio in a folder, making what is missing; raises DiskUnusable when the folder cannot be used."""
    schema = read_schema()
    return Studio(
        folder=folder,
        store=Store(folder / "studio.db", make_tables(schema)),
        schema=schema,
        files=Files(folder, secret),
        secret=secret,
    )
