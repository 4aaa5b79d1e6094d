"""Limit the work of one transaction and of one user: nobody else can write until a transaction ends.

Work is counted and not measured, so that the same request is accepted on a slow machine and on a fast one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.server.errors import PayloadTooLarge

# Of one transaction, and of the transactions of one user that run or wait at once; one unit is a small create.
MAX_UNITS = 5_000
# Deriving the hash of a passphrase takes as long as hundreds of other changes, which is its purpose.
_UNITS = {"delete": 5, "query": 5, "search": 5, "encode_media": 20, "send_review_session_invite": 20}
_PASSPHRASE_UNITS = 250


def units_of(operations: Iterable[Mapping[str, Any]]) -> int:
    """Return the work of the operations: one unit for each, each entity in a list, and more for what takes longer."""
    total = 0
    for operation in operations:
        total += _UNITS.get(operation["action"], 1)
        data = operation.get("entity_data")
        if isinstance(data, dict):
            total += sum(len(value) for value in data.values() if isinstance(value, list))
            total += _PASSPHRASE_UNITS if data.get("passphrase") else 0
    return total


def check(units: int) -> None:
    """Raise PayloadTooLarge for more work than one transaction may have."""
    if units > MAX_UNITS:
        raise PayloadTooLarge(
            f"A transaction has at most {MAX_UNITS} units of work; this one has {units}. An operation is one unit, a "
            "deletion or query five, a new passphrase more. Send the operations in several requests."
        )
