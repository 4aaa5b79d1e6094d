"""The present status and thumbnail of versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from ft_dcc.review.feedback import listed, run_queries

if TYPE_CHECKING:
    from ft_dcc.session import Session

_VERSIONS = "select id, status.name, thumbnail_id from AssetVersion where id in ({ids})"


@attrs.frozen
class VersionState:
    """The name of the status, "" if there is none, and the component of the thumbnail."""

    status: str = ""
    thumbnail_id: str | None = None


def read_states(session: Session, version_ids: Iterable[str]) -> dict[str, VersionState]:
    """Return the states of these versions by their ids, from one request; deleted versions are missing."""
    ids = tuple(version_ids)
    if not ids:
        return {}
    return {
        version["id"]: VersionState(
            str((version.get("status") or {}).get("name") or ""), version.get("thumbnail_id") or None
        )
        for version in run_queries(session, [_VERSIONS.format(ids=listed(ids))])[0]
    }
