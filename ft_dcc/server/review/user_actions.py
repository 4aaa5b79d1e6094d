"""What signed-in users do on the review page: they act as themselves, and their verdicts set statuses of versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, or_, select

from ft_dcc.review.stored_values import json_object, person_name
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.permissions import Permissions
from ft_dcc.server.context import ServerContext
from ft_dcc.server.entities.batch import Operation, create_operation, update_operation
from ft_dcc.server.errors import Forbidden, ValidationError
from ft_dcc.server.identity import Caller
from ft_dcc.server.review.access import ReviewAccess, authorize_user
from ft_dcc.server.review.feedback import full_name
from ft_dcc.server.review.internal_notes import internal_notes

_MAX_MENTIONS = 20
# The value of this setting of a project or of the studio is {"approved": "Final", "require_changes": null}: statuses by
# their names or ids, and null for none. A verdict that is missing there sets the default of the workflow.
_IS_SETTING = 'group is "REVIEW" and name is "verdict_statuses"'
_DONE, _BLOCKED = "DONE", "BLOCKED"


def find_user_access(dispatcher: Dispatcher, user: Caller, review_session_id: str) -> ReviewAccess | None:
    """Return the access of a signed-in user, or None if the user may not see the session."""
    key = json.dumps(review_session_id, ensure_ascii=False)
    if not dispatcher.query(user, f"select id from ReviewSession where id is {key}"):
        return None
    (found,) = dispatcher.query(user, f"select first_name, last_name from User where id is {json.dumps(user.id)}")
    name = person_name({**found, "username": user.username})
    with dispatcher.context.store.reading() as connection:
        return authorize_user(dispatcher.context, connection, review_session_id, user, name)


def write_as_visitor(
    dispatcher: Dispatcher,
    access: ReviewAccess,
    operations: list[Operation],
    object_ids: Sequence[str] = (),
    verdict: str = "",
) -> None:
    """Write the feedback of a visitor in one transaction; a user's verdict also sets the status of each version.

    The server has checked what the visitor may write in the session; the access rules are applied as well.
    """
    permissions = _visitor_permissions(dispatcher.context, access)
    if access.user is None:
        caller = Caller(str(access.invitee_id), access.name or "guest", is_guest=True)
        dispatcher.answer(caller, operations, permissions=permissions)
        return
    statuses = [
        operation
        for object_id in object_ids
        for operation in _status_operations(dispatcher, access.user, access, object_id, verdict)
    ]
    dispatcher.answer(access.user, [*operations, *statuses], permissions=permissions)


def _visitor_permissions(context: ServerContext, access: ReviewAccess) -> Permissions:
    """Return the permissions of a contributor, which guests and reviewers are not, in the session's projects."""
    families = ("ReviewSessionObject", "AssetVersion", "Asset", "Context")
    item, version, asset, parent = context.store.tables.families(*families)
    joined = item.join(version, version.c.id == item.c.version_id).join(asset, asset.c.id == version.c.asset_id)
    found = select(parent.c.project_id).distinct().select_from(joined.join(parent, parent.c.id == asset.c.context_id))
    with context.store.reading() as connection:
        known = connection.scalars(found.where(item.c.review_session_id == access.review_session_id)).all()
    projects = tuple(sorted({str(each) for each in (*known, access.project_id) if each is not None}))
    return Permissions(is_administrator=False, can_create_projects=False, projects=projects, writable=projects)


def user_invitee_operations(dispatcher: Dispatcher, access: ReviewAccess) -> list[Operation]:
    """Return the operation that creates the invitee of a user, unless it exists: verdicts refer to an invitee."""
    if access.user is None:
        return []
    user = access.user
    known = dispatcher.query(user, f"select id from ReviewSessionInvitee where id is {json.dumps(access.invitee_id)}")
    if known:
        return []
    (found,) = dispatcher.query(user, f"select email from User where id is {json.dumps(user.id)}")
    data = {
        "id": access.invitee_id,
        "name": access.name,
        "email": found.get("email") or user.username,
        "review_session_id": access.review_session_id,
    }
    return [create_operation("ReviewSessionInvitee", data)]


def _status_operations(
    dispatcher: Dispatcher, user: Caller, access: ReviewAccess, object_id: str, verdict: str
) -> list[Operation]:
    """Return the operation that sets the version's status, [] without one that fits or the right to change it."""
    expression = (
        f"select version_id, asset_version.status_id from ReviewSessionObject where id is {json.dumps(object_id)}"
    )
    (item,) = dispatcher.query(user, expression)
    status_id = _find_status(dispatcher, user, access.project_id, verdict)
    version = item.get("asset_version") or {}
    if status_id is None or version.get("status_id") == status_id:
        return []
    check: dict[str, Any] = {"action": "permissions", "entity_type": "AssetVersion"}
    (answer,) = dispatcher.answer(user, [{**check, "entity_data": {"id": item["version_id"]}}])
    if "update" not in answer["data"]:
        return []
    return [update_operation("AssetVersion", item["version_id"], {"status_id": status_id})]


def _find_status(dispatcher: Dispatcher, caller: Caller, project_id: str | None, verdict: str) -> str | None:
    """Return the id of the status of a version with this verdict, or None if its status does not change."""
    if project_id is None or verdict not in ("approved", "require_changes"):
        return None
    statuses = _workflow_statuses(dispatcher, caller, project_id)
    key = json.dumps(project_id)
    for expression in (
        f"select value from EntitySetting where parent_id is {key} and {_IS_SETTING}",
        f"select value from Setting where {_IS_SETTING}",
    ):
        for setting in dispatcher.query(caller, expression):
            mapping = json_object(setting.get("value"))
            if verdict in mapping:
                # By its name or id, if versions of the project can have it.
                wanted = str(mapping[verdict] or "").lower()
                named = (each for each in statuses if wanted in (each["id"], str(each.get("name")).lower()))
                return next((each["id"] for each in named), None)
    # The first status that is done, or the first one that is blocked or asks for changes.
    for status in statuses:
        state = (status.get("state") or {}).get("short")
        is_change = state == _BLOCKED or "change" in str(status.get("name")).lower()
        if state == _DONE if verdict == "approved" else is_change:
            return str(status["id"])
    return None


def _workflow_statuses(dispatcher: Dispatcher, caller: Caller, project_id: str) -> list[dict[str, Any]]:
    path = "project_schema.asset_version_workflow_schema.statuses"
    names = ", ".join(f"{path}.{name}" for name in ("name", "sort", "is_active", "state.short"))
    projects = dispatcher.query(caller, f"select {names} from Project where id is {json.dumps(project_id)}")
    schema = (projects[0].get("project_schema") or {}) if projects else {}
    statuses = (schema.get("asset_version_workflow_schema") or {}).get("statuses") or []
    return sorted((found for found in statuses if found.get("is_active")), key=lambda found: found.get("sort") or 0)


def require_right(access: ReviewAccess, right: str) -> None:
    """Raise Forbidden if the visitor does not have the right, with the reason."""
    if right in access.rights:
        return
    if access.has_ended:
        raise Forbidden("This review has ended. It can be read, and not be changed.")
    if access.invitee_id is None:
        raise Forbidden("Only invitees may write, and only while the review is open. Ask for an invitation.")
    names = {"comment": "write notes", "edit": "change the session"}
    raise Forbidden(f"Your invitation does not let you {names.get(right, right)}. Ask the person who invited you.")


def read_people(dispatcher: Dispatcher, access: ReviewAccess) -> list[dict[str, str]]:
    """Return id and name of users to mention: all for users; for invitees those with versions or notes here."""
    context = dispatcher.context
    families = ("Resource", "AssetVersion", "Note", "ReviewSessionObject")
    user, version, note, item = context.store.tables.families(*families)
    statement: Select[Any] = select(user.c.id, user.c.first_name, user.c.last_name, user.c.username)
    statement = statement.where(user.c.username.is_not(None), user.c.is_active.is_(True))
    with context.store.reading() as connection:
        if access.user is None:
            shown = select(item.c.id, item.c.version_id).where(item.c.review_session_id == access.review_session_id)
            authors = select(version.c.user_id).where(version.c.id.in_(shown.with_only_columns(item.c.version_id)))
            is_shown = note.c.parent_id.in_(shown.with_only_columns(item.c.id))
            hidden = internal_notes(connection, context.store.tables, is_shown)
            writers = select(note.c.user_id).where(is_shown, note.c.id.not_in(hidden))
            statement = statement.where(or_(user.c.id.in_(authors), user.c.id.in_(writers)))
        found = [{"id": row.id, "name": full_name(row)} for row in connection.execute(statement)]
    return sorted(found, key=lambda person: person["name"].lower())


def mention_operations(
    dispatcher: Dispatcher, access: ReviewAccess, note_id: str, content: str, user_ids: object
) -> list[Operation]:
    """Return the operations that make the mentioned users recipients of a note; raises ValidationError."""
    if not isinstance(user_ids, list) or len(user_ids) > _MAX_MENTIONS:
        raise ValidationError(f"A note mentions at most {_MAX_MENTIONS} people. Remove some.")
    if not user_ids:
        return []
    names = {person["id"]: person["name"] for person in read_people(dispatcher, access)}
    own = None if access.user is None else access.user.id
    operations = []
    for user_id in dict.fromkeys(str(each) for each in user_ids):
        if user_id not in names:
            raise ValidationError("One of the people cannot be mentioned here. Load the page again.")
        # The author is a recipient of each note.
        if user_id != own and f"@{names[user_id]}" in content:
            link = {"note_id": note_id, "resource_id": user_id, "text_mentioned": f"@{names[user_id]}"}
            operations.append(create_operation("Recipient", link))
    return operations
