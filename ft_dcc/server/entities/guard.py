"""Whether a user may write an entity; raises Forbidden when not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import uuid4

import attrs
from sqlalchemy import and_, or_, select

from ft_dcc.errors import Forbidden
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.query.visibility import PROJECTS, is_visible
from ft_dcc.server.rights import REVIEWER
from ft_dcc.server.schema.model import EntityType

# What users may say of themselves.
_OWN = frozenset(("first_name", "last_name", "email", "thumbnail_id"))
# What notes are made of, and the lists in which a client hands them to what they are about.
_REMARKS = frozenset(("Note", "NoteLabelLink", "Recipient", "ReviewSessionObjectAnnotation"))
_REMARKABLE = frozenset(("notes", "annotations"))


def check_type(batch: Batch, entity_type: EntityType, row: Row, changed: Collection[str] | None = None) -> None:
    """The user may write entities of this type at all; ``changed`` are the attributes that an update is about."""
    if batch.rights.is_administrator:
        return
    is_own = entity_type.name == "User" and row.get("id") == batch.caller.id
    if is_own and changed is not None and _OWN.issuperset(changed):
        return
    if "guarded" in entity_type.flags:
        raise Forbidden(f"Only an administrator of the studio may change a {entity_type.name}. Ask one.")
    if batch.rights.is_reviewer and not _is_remark(entity_type, row, changed):
        raise Forbidden(f"A Reviewer writes notes, and no {entity_type.name}. Ask an administrator for another role.")
    if entity_type.name == "Project" and changed is None and not batch.rights.makes_projects:
        raise Forbidden("Only a project manager or an administrator may create or delete a project. Ask one.")


def _is_remark(entity_type: EntityType, row: Row, changed: Collection[str] | None) -> bool:
    """Whether what is written is a note or part of one, or hands notes to what they are about."""
    if changed is not None and _REMARKABLE.issuperset(changed):
        return True
    is_about_note = entity_type.name == "Metadata" and row.get("parent_type") == "Note"
    return entity_type.name in _REMARKS or is_about_note


def is_allowed(batch: Batch, entity_type: EntityType, known: Row) -> bool:
    """Whether the user may create an entity of this type that belongs to what is known of it, or change that one."""
    try:
        check_type(batch, entity_type, known)
        for attribute in entity_type.attributes.values():
            key = known.get(attribute.name)
            if not isinstance(key, str):
                continue
            if attribute.name in entity_type.key:
                check_rows(batch, entity_type, [[key]], known)
            elif attribute.kind == "foreign key" and attribute.rows != "*":
                check_rows(batch, batch.studio.schema[attribute.rows], [[key]], known)
    except Forbidden:
        return False
    return True


def admit_creator(batch: Batch, entity_type: EntityType, row: Row) -> None:
    """Whoever is limited to some projects and creates another has part in that one, too."""
    if entity_type.name != "Project" or batch.rights.projects is None:
        return
    batch.rights = attrs.evolve(batch.rights, projects=(*batch.rights.projects, row["id"]))
    held = batch.table(batch.studio.schema["UserSecurityRole"])
    role = batch.table(batch.studio.schema["SecurityRole"])
    own = select(held.c.id).join(role, held.c.security_role_id == role.c.id)
    # Whoever only reviews elsewhere has made this project by another role.
    own = own.where(held.c.user_id == batch.caller.id, role.c.name != REVIEWER)
    role_id = batch.connection.scalar(own.limit(1))
    part = {"id": str(uuid4()), "user_security_role_id": role_id, "project_id": row["id"]}
    batch.insert(batch.studio.schema["UserSecurityRoleProject"], part)


def check_rows(
    batch: Batch,
    entity_type: EntityType,
    keys: Sequence[Sequence[object]],
    known: Row | None = None,
    changed: Collection[str] | None = None,
) -> None:
    """The entities with these keys belong to projects that the user may write to, or do not exist.

    ``known`` is what is known of all of them, and ``changed`` what an update is about: where a user reviews, notes are
    written, and nothing else.
    """
    rights = batch.rights
    projects = rights.projects if _is_remark(entity_type, known or {}, changed) else rights.writable
    if projects is None or not keys:
        return
    table = batch.table(entity_type)
    meant = or_(*(and_(*(table.c[name] == part for name, part in zip(entity_type.key, key))) for key in keys))
    belongs = is_visible(batch.studio.schema, batch.studio.store.tables, entity_type.name, table)
    others = select(1).where(meant, ~belongs).limit(1)
    if batch.connection.execute(others, {PROJECTS: projects}).first() is not None:
        raise Forbidden(
            f"The {entity_type.name} belongs to a project that you have no part in, or only review. "
            "Ask an administrator."
        )


def check_row(batch: Batch, entity_type: EntityType, row: Row, changed: Collection[str] | None = None) -> None:
    """The entity belongs to a project that the user may write to."""
    check_rows(batch, entity_type, [[row[name] for name in entity_type.key]], row, changed)
