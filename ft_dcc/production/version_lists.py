"""Lists of versions of a project: find and create them, and add versions."""

from __future__ import annotations

import uuid

from ft_dcc.errors import UserFixableError
from ft_dcc.session import Session
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.query.expression import quoted

# Fixed, so that two publishers that create the same list at once derive the same id.
ENTITY_TYPE, NAMESPACE = "AssetVersionList", uuid.UUID("d1b7a1de-52c5-4a0e-9a39-5f0a7c2c8e44")


def find_open(session: Session, project_id: str, id_or_name: str) -> Entity | None:
    """Return the list with this id, the newest with this name, or None; raise UserFixableError if it is closed."""
    wanted = quoted(id_or_name)
    found: Entity | None = session.query(
        f"select id, name, is_open from AssetVersionList where project_id is {quoted(project_id)} "
        f"and (id is {wanted} or name is {wanted}) order by date desc"
    ).first()
    if found is not None and not found["is_open"]:
        raise UserFixableError(f"The list {found['name']} is closed. Open it again, or give another one with --list.")
    return found
