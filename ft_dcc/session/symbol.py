"""Symbols for states and unset values, and ids and topics that all sites share."""

from __future__ import annotations

import os


class Symbol:
    """A named constant; copies and pickles of it are the same object."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: bool = True) -> None:
        self.name = name
        self.value = value

    def __bool__(self) -> bool:
        return self.value

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name


# The value of an attribute without one, and the state of an entity without uncommitted changes.
NOT_SET = Symbol("NOT_SET", value=False)
CREATED = Symbol("CREATED")
MODIFIED = Symbol("MODIFIED")
DELETED = Symbol("DELETED")

# The ids of the locations of every site.
ORIGIN_LOCATION_ID = "ce9b348f-8809-11e3-821c-20c9d081909b"
UNMANAGED_LOCATION_ID = "cb268ecc-8809-11e3-a7e2-20c9d081909b"
REVIEW_LOCATION_ID = "cd41be70-8809-11e3-b98a-20c9d081909b"
CONNECT_LOCATION_ID = "07b82a97-8cf9-11e3-9383-20c9d081909b"
SERVER_LOCATION_ID = "3a372bde-05bc-11e4-8908-20c9d081909b"

# The topics of the events that a location publishes.
COMPONENT_ADDED_TO_LOCATION_TOPIC = "ftrack.location.component-added"
COMPONENT_REMOVED_FROM_LOCATION_TOPIC = "ftrack.location.component-removed"

# The number of bytes that accessors read at once.
CHUNK_SIZE = int(os.environ.get("FTRACK_API_FILE_CHUNK_SIZE", 1024 * 1024))

# The type of the job that synchronises users from an LDAP directory.
JOB_SYNC_USERS_LDAP = "SYNC_USERS_LDAP"
