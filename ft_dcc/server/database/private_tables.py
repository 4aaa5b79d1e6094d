"""The tables that no schema shows and no query reaches; ``private.schema`` of this folder declares them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, MetaData, String, Table

from ft_dcc.server.schema import dsl_parser, model

METADATA = MetaData()
_COLUMN_TYPES = {"text": String, "integer": Integer, "number": Float, "boolean": Boolean}


def _make_table(declared: model.EntityType) -> Table:
    required, indexed, unique = (declared.lists.get(name, ()) for name in ("required", "indexed", "unique"))
    columns: list[Column[Any]] = [
        Column(
            name,
            _COLUMN_TYPES[attribute.kind],
            primary_key=name in declared.key,
            nullable=name not in required,
            index=name in indexed or None,
            unique=name in unique or None,
        )
        for name, attribute in declared.attributes.items()
    ]
    return Table(declared.table, METADATA, *columns)


_TABLES = map(_make_table, dsl_parser.read_types("ft_dcc.server.database", "private").values())
# In the order of the file.
API_KEYS, SIGN_OUTS, BROWSER_SESSIONS, AUDIT_ENTRIES, RECORDED_EVENTS, ENCODE_QUEUE, *_REVIEW_AND_MAIL_TABLES = _TABLES
INVITATIONS, MUTED_MAILS, WAITING_MAILS, WEBHOOKS, WEBHOOK_DELIVERIES = _REVIEW_AND_MAIL_TABLES
