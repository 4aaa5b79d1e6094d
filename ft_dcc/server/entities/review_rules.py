"""The rules of review sessions: project and dates, passphrases, rights and addresses of invitees, items that follow.

A ``ReviewSessionObject`` with ``entity_id`` and ``follows`` shows the newest version of that entity: of any status, or
of the status that ``follows`` names, and of tasks of the type ``task_type``. An item of a sequence or project adds one
for each shot and asset below it, whose ``source_id`` it is. An item without a version waits for the first one. When a
version is created or deleted or its status changes, the items in sessions that are not closed are set to the version
that stands for them now. One with feedback keeps its version, and a new item follows in its place.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, update

from ft_dcc.server.database import clock, connections
from ft_dcc.server.entities import authorization
from ft_dcc.server.entities.batch import Batch, Row, create_operation
from ft_dcc.server.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.schema import model
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

DEFAULT_REVIEW_PROJECT = "Reviews"
# The rights of an invitee on the review page, which are words in ``ReviewSessionInvitee.rights``.
WRITE_RIGHTS = frozenset(("comment", "draw", "decide", "edit"))
ALL_RIGHTS = WRITE_RIGHTS | {"download", "present"}
_WORDS = ("view", "comment", "draw", "decide", "edit", "download", "present")
# Of invitees that were created by clients that do not know the attribute.
_DEFAULT_RIGHTS = WRITE_RIGHTS - {"edit"}
_MAX_PASSPHRASE_LENGTH = 1000
# RFC 7914: cost, block size and parallelization for interactive logins; 16 MiB and about 50 ms per guess.
_COST, _BLOCK_SIZE, _PARALLELIZATION = 2**14, 8, 1


def add_default_project(batch: Batch, row: Row) -> None:
    """Set the project of a review session without one, which is created if it does not exist.

    Published documents create sessions without a project, and material for clients must not get into another project.
    """
    if row.get("project_id") is not None:
        return
    context = batch.table("Context")
    is_default = context.c.name == DEFAULT_REVIEW_PROJECT, context.c[TYPE_COLUMN] == "Project"
    found: str | None = batch.connection.scalar(select(context.c.id).where(*is_default).limit(1))
    if found is None:
        found = str(uuid4())
        values = {"id": found, "name": DEFAULT_REVIEW_PROJECT, "full_name": DEFAULT_REVIEW_PROJECT}
        batch.actions["create"](batch, create_operation("Project", values))
    row["project_id"] = found


def check_review_dates(row: Row, changed: Row) -> None:
    """Raise ValidationError if a session closes before it opens.

    A past end alone closes a session at once, also one that opens later.
    """
    if not changed.keys() & {"start_date", "end_date"}:
        return
    values, now = {**row, **changed}, clock.now_text()
    start, end = values.get("start_date"), values.get("end_date")
    if start is None or end is None or (end <= now and "start_date" not in changed):
        return
    if end < start or (end == start and end > now):
        opens, closes = (f"{date[:16].replace('T', ' ')} UTC" for date in (start, end))
        raise ValidationError(
            f"The review session '{values.get('name')}' would close on {closes} before it opens on {opens}. "
            "Set a later end_date or an earlier start_date."
        )


def add_review_session_values(_batch: Batch, _type: model.EntityType, row: Row) -> None:
    """Open a review session at once, unless its start is given or its end has passed."""
    if row.get("start_date") is None:
        row["start_date"] = min(row["created_at"], row.get("end_date") or row["created_at"])


def add_review_object_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    """Put a version at the end of its review session, under the name of its asset, or what follows an entity."""
    row["created_at"] = row.get("created_at") or clock.now_text()
    table = batch.table("ReviewSessionObject")
    last = select(func.max(table.c.sort_order)).where(table.c.review_session_id == row.get("review_session_id"))
    if row.get("sort_order") is None:
        row["sort_order"] = (batch.connection.scalar(last) or 0.0) + 1.0
    if row.get("version_id") is None and row.get("entity_id") is not None:
        set_first_version(batch, row)
        return
    version = batch.row("AssetVersion", row.get("version_id"))
    if version is None:
        raise ValidationError("A ReviewSessionObject needs a version that exists. Send asset_version.")
    asset = batch.row("Asset", version["asset_id"]) or {}
    row["name"] = row.get("name") or asset.get("name") or ""
    row["version"] = row.get("version") or f"Version {version['version']}"


def hash_passphrase(secret: bytes, review_session_id: str, passphrase: str) -> str:
    """Return the hash that is stored of a passphrase.

    The salt is derived from the studio's secret: a repeated create gives the same hash, and the database alone is not
    enough to guess passphrases.
    """
    salt = hmac.digest(secret, f"passphrase:{review_session_id}".encode(), "sha256")
    digest = hashlib.scrypt(passphrase.encode(), salt=salt, n=_COST, r=_BLOCK_SIZE, p=_PARALLELIZATION)
    return base64.urlsafe_b64encode(digest[:32]).decode()


def verify_passphrase(secret: bytes, review_session_id: str, stored: str, passphrase: str) -> bool:
    """Return whether the passphrase matches the stored hash."""
    digest = hash_passphrase(secret, review_session_id, passphrase[:_MAX_PASSPHRASE_LENGTH])
    return hmac.compare_digest(digest.encode(), stored.encode())


def passphrase_columns(batch: Batch, review_session_id: str, values: Row) -> Row:
    """Return the columns to store in place of a passphrase among the values; raises ValidationError.

    A new passphrase switches ``passphrase_enabled`` on, unless the same operation sets that, too.
    """
    if not {"passphrase", "passphrase_enabled"} & values.keys():
        return {}

    def check_set() -> None:
        """Raise ValidationError if the session requires a passphrase and has none, so that it could not be opened."""
        table = batch.table("ReviewSession")
        is_locked = (table.c.passphrase_enabled == 1) & table.c.passphrase.is_(None)
        found = batch.connection.scalar(select(table.c.name).where(table.c.id == review_session_id, is_locked))
        if found is not None:
            raise ValidationError("A review session with passphrase_enabled needs a passphrase. Send passphrase, too.")

    batch.before_commit.append(check_set)
    if "passphrase" not in values:
        return {}
    passphrase = values["passphrase"] or ""
    if len(passphrase) > _MAX_PASSPHRASE_LENGTH:
        raise ValidationError(f"A passphrase has at most {_MAX_PASSPHRASE_LENGTH} characters. Choose a shorter one.")
    digest = hash_passphrase(batch.services.secret, review_session_id, passphrase) if passphrase else None
    return {"passphrase": digest, "passphrase_enabled": values.get("passphrase_enabled", int(bool(passphrase)))}


def rights_of(text: Any) -> frozenset[str]:
    """Return the rights in the value of an invitee; every invitee may view."""
    return _DEFAULT_RIGHTS if text is None else frozenset(str(text).split()) & ALL_RIGHTS


def check_rights(_row: Row, changed: Row) -> None:
    """Raise ValidationError if the changed values of an invitee contain an unknown right."""
    unknown = sorted(set(str(changed.get("rights") or "").split()) - set(_WORDS))
    if unknown:
        raise ValidationError(f"There is no right '{unknown[0][:40]}'. An invitee can have {', '.join(_WORDS)}.")


def check_address(batch: Batch, row: Row) -> None:
    """Raise DuplicateEntryError if the review session has an invitee with the e-mail address of this row.

    The invitee of a user, which carries the user's verdicts, is no invitation. Its id is derived, and copies keep it.
    """
    table = batch.table("ReviewSessionInvitee")
    is_same = func.lower(func.trim(table.c.email)) == func.lower(func.trim(row["email"] or None))
    of_session = table.c.review_session_id == row["review_session_id"]
    for other in batch.connection.execute(select(table).where(of_session, is_same)):
        if other.id != row["id"] and not (_is_of_user(row["id"]) or _is_of_user(other.id)):
            text = f"{other.email} is invited already, as {other.name}. Change the rights there, or send a new link."
            raise DuplicateEntryError(text)


def check_new_address(batch: Batch, _type: model.EntityType, row: Row, changed: Row) -> None:
    """Raise DuplicateEntryError if an update gives an invitee the e-mail address of another one in the session."""
    if changed.keys() & {"email", "review_session_id"}:
        check_address(batch, {**row, **changed})


def _is_of_user(invitee_id: str) -> bool:
    # The version of a UUID that is derived from names.
    return len(invitee_id) == 36 and invitee_id[14] == "5"


NEWEST = "newest"
_ITEM = "ReviewSessionObject"
# What keeps an item at its version, with the column that leads to the item.
_FEEDBACK = {"Note": "parent_id", f"{_ITEM}Status": "review_session_object_id"}
_FEEDBACK[f"{_ITEM}Annotation"] = "review_session_object_id"


def set_first_version(batch: Batch, row: Row) -> None:
    """Set the version of a new item that follows an entity; raises Forbidden, or ValidationError for a wrong rule."""
    entity_id = row["entity_id"]
    for family in ("Context", "Asset"):
        authorization.check_reference(batch, family, f"{_ITEM}.entity_id", entity_id)
    if not (batch.row("Context", entity_id) or batch.row("Asset", entity_id)):
        raise ValidationError(f"A {_ITEM} follows a shot, asset, sequence or task. Send its id as entity_id.")
    row["follows"] = row.get("follows") or NEWEST
    for column, family in (("follows", "Status"), ("task_type", "Type")):
        name, known = row.get(column), batch.table(family).c.name
        if name and name != NEWEST:
            row[column] = batch.connection.scalar(select(known).where(func.lower(known) == name.lower()).limit(1))
            if row[column] is None:
                raise ValidationError(f"There is no {family.lower()} '{name[:80]}' to follow. Check its name.")
    version_id = _newest(batch, row).get(entity_id)
    shown = _shown_as(batch, entity_id, None if version_id in _shown_versions(batch, row) else version_id)
    row.update(shown, name=row.get("name") or shown["name"])


def add_items_below(batch: Batch, row: Row) -> None:
    """Add an item for each shot and asset below the entity that a new item follows; raises PayloadTooLarge."""
    if row.get("entity_id") is not None and row.get("source_id") is None:
        _add_missing(batch, row, _newest(batch, row, is_below=True))


def _add_missing(batch: Batch, item: Row, below: dict[str, str]) -> None:
    """Add an item for each of these contexts that has none of this source, if its version is not shown already."""
    table = batch.table(_ITEM)
    columns = table.c.entity_id, table.c.source_id, table.c.version_id, table.c.sort_order
    of_session = table.c.review_session_id == item["review_session_id"]
    rows = batch.connection.execute(select(*columns).where(of_session)).all()
    shown = {row.version_id for row in rows} | {row.entity_id for row in rows if row.source_id == item["id"]}
    shown.add(item["entity_id"])
    new = {key: version_id for key, version_id in below.items() if not shown & {key, version_id}}
    change = f"Following '{item['name']}' adds an item for each shot below it"
    batch.count_implied_changes(len(new), change, "Follow its sequences instead.")
    last = max((row.sort_order or 0.0 for row in rows), default=0.0)
    for number, (entity_id, version_id) in enumerate(new.items(), start=1):
        place = {"entity_id": entity_id, "source_id": item["id"], "sort_order": last + number}
        _add_copy(batch, {**item, **place}, version_id)


def follow_version(batch: Batch, version: Row, *, is_deleted: bool = False) -> None:
    """Set the items that follow what this version belongs to, after a change or before the deletion of it."""
    asset = batch.row("Asset", version["asset_id"]) or {}
    own = {"asset": version["asset_id"], "context": asset.get("context_id"), "task": version["task_id"]}
    found = _followers(batch.tables).rows(batch.connection, own)
    for item in [batch.stored(batch.schema[_ITEM], [item_id]) or {} for (item_id,) in found]:
        if item["entity_id"] in own.values():
            _advance(batch, item, version["id"] if is_deleted else None)
        elif item["source_id"] is None and not is_deleted:
            _add_missing(batch, item, _newest(batch, {**item, "entity_id": own["context"]}))


@functools.lru_cache(maxsize=8)
def _followers(tables: Tables) -> connections.Prepared:
    item, session, context = tables.families(_ITEM, "ReviewSession", "Context")
    above = select(context.c.id, context.c.parent_id).where(context.c.id == bindparam("context")).cte(recursive=True)
    above = above.union(select(context.c.id, context.c.parent_id).join(above, context.c.id == above.c.parent_id))
    own = item.c.entity_id.in_((bindparam("asset"), bindparam("task")))
    is_open = or_(session.c.end_date.is_(None), session.c.end_date > func.ft_dcc_now())
    joined = select(item.c.id).join(session, session.c.id == item.c.review_session_id)
    joined = joined.where(or_(own, item.c.entity_id.in_(select(above.c.id))), item.c.follows.is_not(None), is_open)
    return connections.Prepared(joined.order_by(item.c["__row__"]))


def _advance(batch: Batch, item: Row, deleted: str | None = None) -> None:
    """Let an item show the version that stands for its entity now; one with feedback is followed by a new item."""
    version_id = _newest(batch, item, deleted=deleted).get(item["entity_id"])
    if version_id == item["version_id"] or version_id in _shown_versions(batch, item):
        return
    tables, changed = batch.tables.by_family, Row(follows=None)
    known = [(tables[name], column) for name, column in _FEEDBACK.items() if name in tables]
    feedback = [select(1).select_from(table).where(table.c[column] == item["id"]).limit(1) for table, column in known]
    if any(batch.connection.scalar(each) for each in feedback):
        _add_copy(batch, {**item, "sort_order": (item["sort_order"] or 0.0) + 0.5}, version_id)
    else:
        changed = _shown_as(batch, item["entity_id"], version_id)
        if item["name"] != _shown_as(batch, item["entity_id"], item["version_id"])["name"]:
            del changed["name"]  # A person chose it.
    batch.connection.execute(update(tables[_ITEM]).where(tables[_ITEM].c.id == item["id"]).values(changed))
    batch.changes.record_updated(batch.schema[_ITEM], item, changed)


def _add_copy(batch: Batch, item: Row, version_id: str | None) -> None:
    """Store a new item like this one that shows another version."""
    names = "review_session_id", "entity_id", "source_id", "follows", "task_type", "description", "sort_order"
    row = {"id": str(uuid4()), "created_at": clock.now_text(), **{name: item[name] for name in names}}
    row.update(_shown_as(batch, item["entity_id"], version_id))
    batch.insert(_ITEM, row)
    batch.changes.record_created(batch.schema[_ITEM], row)


def _shown_as(batch: Batch, entity_id: str, version_id: str | None) -> Row:
    """Return the columns of an item that shows this version, or waits for one of the entity."""
    if (version := batch.row("AssetVersion", version_id)) is None:
        entity = batch.row("Context", entity_id) or batch.row("Asset", entity_id) or {}
        return {"version_id": None, "version": "", "name": entity.get("name", "")}
    asset = batch.row("Asset", version["asset_id"]) or {}
    parent = batch.row("Context", asset.get("context_id")) or {}
    name = f"{parent.get('name', '')} {asset.get('name', '')}".strip()
    return {"version_id": version_id, "version": f"Version {version['version']}", "name": name}


def _shown_versions(batch: Batch, item: Row) -> set[str | None]:
    """Return the versions that the session of an item shows, which it does not show twice."""
    table = batch.table(_ITEM)
    of_session = table.c.review_session_id == item["review_session_id"], table.c.version_id.is_not(None)
    return set(batch.connection.scalars(select(table.c.version_id).where(*of_session)))


def _newest(batch: Batch, item: Row, *, is_below: bool = False, deleted: str | None = None) -> dict[str, str]:
    """Return the version that stands for the entity of an item, or for each context below it, ordered by name."""
    asset, version, context = batch.tables.families("Asset", "AssetVersion", "Context")
    status, kind = batch.tables.families("Status", "Type")
    entity_id, parent, task = item["entity_id"], context.alias(), context.alias()
    entity = batch.row("Context", entity_id)
    of: ColumnElement[Any] = asset.c.context_id
    if entity is None:
        of = asset.c.id
    elif entity[TYPE_COLUMN] == "Task":
        of = version.c.task_id
    owned: ColumnElement[bool] = of == entity_id
    if is_below and of is asset.c.context_id:
        below = select(context.c.id).where(context.c.id == entity_id).cte(recursive=True)
        below = below.union(select(context.c.id).join(below, context.c.parent_id == below.c.id))
        owned = of.in_(select(below.c.id))
    # SQLite takes the other columns of a group from the row with the maximum.
    latest = func.max(version.c.date + func.printf("%09d", version.c.version))
    columns: Select[Any] = select(of, version.c.id, latest).where(owned).group_by(of)
    statement = columns.join_from(asset, version, version.c.asset_id == asset.c.id)
    statement = statement.join(parent, parent.c.id == asset.c.context_id)
    if item["follows"] != NEWEST:
        statement = statement.join(status, status.c.id == version.c.status_id).where(status.c.name == item["follows"])
    if item.get("task_type"):
        statement = statement.join(task, task.c.id == version.c.task_id).join(kind, kind.c.id == task.c.type_id)
        statement = statement.where(kind.c.name == item["task_type"])
    if deleted is not None:
        statement = statement.where(version.c.id != deleted)
    rows = batch.connection.execute(statement.order_by(parent.c.name))
    return {str(row[0]): str(row[1]) for row in rows}
