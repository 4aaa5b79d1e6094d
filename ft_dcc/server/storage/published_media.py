"""Signed URLs end with the account that asked for them, and never replace media that is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from ft_dcc.server.auth import api_keys, permissions
from ft_dcc.server.database import audit_log, closed_reviews
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import Conflict, Forbidden, ReviewSessionClosedError
from ft_dcc.server.identity import Caller
from ft_dcc.server.storage.media_store import MediaStore


def check_account(connection: Connection, account: str, issued_at: float) -> Caller:
    """Return the user who asked for a URL; raises Forbidden if the user or a key was ended after the URL was issued."""
    user = api_keys.active_user_since(connection, account, issued_at)
    if user is None:
        raise Forbidden("This address belongs to a user or key that is not valid any more. Ask for a new address.")
    return user


def check_uploader(connection: Connection, media: MediaStore, component_id: str, user_id: str) -> None:
    """Raise Forbidden if another user has uploaded bytes for a component that does not exist yet.

    Clients send the bytes before they create the component; until then they belong to the user who sent them.
    """
    uploader = audit_log.last_user(connection, component_id, "upload")
    if uploader not in (None, user_id) and media.exists(component_id):
        raise Forbidden("Another user has uploaded the media of this component. Create a component with another id.")


def check_replaceable(connection: Connection, locations: Table, media: MediaStore, component_id: str) -> None:
    """Raise Conflict if the component is in a location and its media is on the server."""
    found = connection.execute(select(locations.c.id).where(locations.c.component_id == component_id).limit(1)).first()
    if found is not None and media.exists(component_id):
        raise Conflict(
            "The media of this component is published and cannot be replaced. Create a new component, or remove this "
            "one from its location first."
        )


def record_removal(store: Store, caller: Caller, component_id: str) -> None:
    """Record in the audit log that a user removes the media of a component.

    Raises ReviewSessionClosedError if the component belongs to a closed review session: clients remove the media before
    they remove the component from the location, which the database rejects.
    """
    locations = store.tables.by_family["ComponentLocation"]

    def run(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.execute("SAVEPOINT removal")
        try:
            connection.execute(delete(locations).where(locations.c.component_id == component_id))
        except ReviewSessionClosedError as error:
            projects = permissions.permissions_of(connection, store.tables, caller.id).projects
            raise closed_reviews.for_reader(error, connection, store.tables, projects) from error.__cause__
        finally:
            driver.execute("ROLLBACK TO removal")
            driver.execute("RELEASE removal")
        operation = {"action": "remove media", "entity_type": "FileComponent", "entity_key": [component_id]}
        audit_log.record(connection, caller, [(operation, None)])

    store.write(run)


def place_upload(
    store: Store, media: MediaStore, account: str, issued_at: float, component_id: str, move: Callable[[], None]
) -> None:
    """Move an upload of this account to its component in a transaction; raises Forbidden and Conflict.

    The thread that writes also adds components to locations, so that none is added between check and move.
    """

    def run(connection: Connection) -> None:
        user = check_account(connection, account, issued_at)
        check_replaceable(connection, store.tables.by_family["ComponentLocation"], media, component_id)
        if audit_log.last_user(connection, component_id, "create", issued_at) not in (None, account):
            raise Forbidden("Another user has created this component meanwhile. Upload to a component of your own.")
        operation = {"action": "upload", "entity_type": "FileComponent", "entity_key": [component_id]}
        audit_log.record(connection, user, [(operation, None)])
        move()

    store.write(run)
