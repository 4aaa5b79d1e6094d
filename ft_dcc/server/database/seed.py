"""The contents of a new database: locations, types, statuses, a project schema, custom attributes and a user."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

Rows = Iterable[Mapping[str, Any]]

# The location whose files are on the server, on every site.
SERVER_LOCATION_ID = "3a372bde-05bc-11e4-8908-20c9d081909b"
# Ids that clients carry in their code (ftrack-python-api, symbol.py and the defaults of its schemas).
LOCATIONS = {
    "ce9b348f-8809-11e3-821c-20c9d081909b": "ftrack.origin",
    "cb268ecc-8809-11e3-a7e2-20c9d081909b": "ftrack.unmanaged",
    "cd41be70-8809-11e3-b98a-20c9d081909b": "ftrack.review",
    SERVER_LOCATION_ID: "ftrack.server",
    "07b82a97-8cf9-11e3-9383-20c9d081909b": "ftrack.connect",
}
NO_PRIORITY = "9661b320-3a0c-11e2-81c1-0800200c9a66"
CUSTOM_ATTRIBUTE_TYPES = {
    "text": "6268aef0-381c-11e0-acff-0019bb49847a",
    "number": "92009b00-381c-11e0-acff-0019bb49847a",
    "boolean": "ad1034d8-15e2-11e1-b21a-0019bb4983d8",
    "date": "79968e9e-381c-11e0-acff-0019bb49847a",
    "enumerator": "6ff9c812-ead3-11e2-846c-f23c91dfaa16",
    "dynamic enumerator": "882e4aee-fae6-11e3-b623-20c9d0831e59",
    "url": "ec616dcd-56e2-4147-99f8-7e4a4f040cf9",
    "expression": "d2e6a530-357f-11e2-bd73-0019bb4985b8",
}

STATES = {"NOT_STARTED": "Not Started", "IN_PROGRESS": "In Progress", "DONE": "Done", "BLOCKED": "Blocked"}
STATUSES = (
    ("Not started", "NOT_STARTED", "#FFFFFF"),
    ("Ready to start", "NOT_STARTED", "#E8E8E8"),
    ("In progress", "IN_PROGRESS", "#3498DB"),
    ("Pending Review", "IN_PROGRESS", "#FFB800"),
    ("Changes required", "IN_PROGRESS", "#E67E22"),
    ("Approved", "DONE", "#2ECC71"),
    ("Completed", "DONE", "#1CBC90"),
    ("On Hold", "BLOCKED", "#9B59B6"),
    ("Omitted", "BLOCKED", "#E74C3C"),
)
PRIORITIES = ((NO_PRIORITY, "None", 0.0), ("", "Low", 1.0), ("", "Medium", 2.0), ("", "High", 3.0), ("", "Urgent", 4.0))
TASK_TYPES = (
    "Generic",
    "Modeling",
    "Rigging",
    "Layout",
    "Previz",
    "Animation",
    "FX",
    "Lighting",
    "Rendering",
    "Compositing",
    "Editing",
    "Tracking",
    "Texture",
    "Concept Art",
    "Production",
)
ASSET_TYPES = (
    ("Upload", "upload"),
    ("Playblast", "playblast"),
    ("Geometry", "geo"),
    ("Image Sequence", "img"),
    ("Render", "render"),
    ("Rig", "rig"),
    ("Animation", "anim"),
    ("Camera", "cam"),
    ("Scene", "scene"),
    ("Lighting", "light"),
    ("Audio", "audio"),
    ("Cache", "cache"),
    ("Nuke Script", "nuke_script"),
)
# Name, id, and whether its entities have statuses, types and dates.
OBJECT_TYPES = (
    ("Task", "11c137c0-ee7e-4f9c-91c5-8c77cec22b2c", True, True, True),
    ("Shot", "bad911de-3bd6-47b9-8b46-3476e237cb36", True, False, False),
    ("Sequence", "e5139355-61da-4c8f-9db4-3abc870166bc", False, False, False),
    ("Episode", "22139355-61da-4c8f-9db4-3abc870166bc", False, False, False),
    ("Folder", "3c133785-51cb-11e3-980a-20c9d0831e59", False, False, False),
    ("AssetBuild", "4be63b64-5010-42fb-bf1f-428af9d638f0", True, True, False),
    ("Milestone", "01decdd1-51cb-11e3-9d5b-20c9d0831e59", True, True, True),
)
SHOT_ATTRIBUTES = (
    ("fstart", "First frame", "number", False),
    ("fend", "Last frame", "number", False),
    ("handles", "Handles", "number", False),
    ("fps", "Frames per second", "number", True),
    ("resolution", "Resolution", "text", False),
)
NOTE_LABELS = ("Internal", "Client feedback", "For review")
SECURITY_ROLES = ("Administrator", "API", "Project Manager", "User", "Reviewer")
FIRST_USER = "admin"

_NAMESPACE = UUID("5b1c9a34-0d44-4d4f-9a3e-8f0e2c7b6d11")


def seed(connection: Connection, tables: Tables) -> None:
    """Insert what every studio needs, with the same ids in every studio; rows that exist are not changed."""
    for type_name, rows in {**_types_and_statuses(), **_custom_attributes(), **_users_and_roles()}.items():
        _insert(connection, tables, type_name, rows)
    _insert_project_schema(connection, tables)


def seed_object_types(connection: Connection, schema: Schema, tables: Tables) -> None:
    """Insert an object type for each kind of typed context that only a site's schema has."""
    built_in = {key for _, key, *_ in OBJECT_TYPES}
    for name in schema.with_subtypes("TypedContext"):
        attribute = schema[name].attributes.get("object_type_id")
        key = None if attribute is None else attribute.default
        if isinstance(key, str) and key not in built_in and not schema[name].is_abstract:
            row = _object_type(len(OBJECT_TYPES), name, key, statuses=True, types=True, dates=True)
            _insert(connection, tables, "ObjectType", [row])


def fixed_id(kind: str, name: str) -> str:
    """Return the id that a seeded entity has in every studio."""
    return str(uuid5(_NAMESPACE, f"{kind}:{name}"))


def _insert(connection: Connection, tables: Tables, type_name: str, rows: Rows) -> None:
    connection.execute(tables.insertions[type_name], list(rows))


def _named(kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"id": fixed_id(kind, name), "name": name} for name in names]


def _types_and_statuses() -> dict[str, Rows]:
    """Return the rows of statuses, types, priorities, locations and the like."""
    statuses = [
        {
            "id": fixed_id("Status", name),
            "name": name,
            "color": color,
            "sort": index,
            "is_active": 1,
            "state_id": fixed_id("State", state),
        }
        for index, (name, state, color) in enumerate(STATUSES)
    ]
    types = [
        {**row, "color": "#510100", "is_billable": 1, "sort": i} for i, row in enumerate(_named("Type", TASK_TYPES))
    ]
    return {
        "Location": [{"id": key, "name": name, "label": name, "description": ""} for key, name in LOCATIONS.items()],
        "State": [{"id": fixed_id("State", short), "short": short, "name": name} for short, name in STATES.items()],
        "Status": statuses,
        "Type": types,
        "Setting": [
            {
                "name": "storage_scenario",
                "group": "STORAGE",
                "value": json.dumps({"scenario": "ftrack.automatic", "data": {}}),
            }
        ],
        "Priority": [
            {
                "id": key or fixed_id("Priority", name),
                "name": name,
                "value": value,
                "sort": int(value),
                "color": "#CCCCCC",
            }
            for key, name, value in PRIORITIES
        ],
        "AssetType": [
            {"id": fixed_id("AssetType", short), "name": name, "short": short, "component": "main"}
            for name, short in ASSET_TYPES
        ],
        "ObjectType": [_object_type(index, *found) for index, found in enumerate(OBJECT_TYPES)],
        "NoteLabel": [
            {**row, TYPE_COLUMN: "NoteLabel", "color": "#CCCCCC", "sort": index}
            for index, row in enumerate(_named("NoteLabel", NOTE_LABELS))
        ],
        "ListCategory": _named("ListCategory", ("Default",)),
        "ManagerType": _named("ManagerType", ("Coordinator", "Supervisor")),
    }


def _object_type(sort: int, name: str, key: str, statuses: bool, types: bool, dates: bool) -> dict[str, Any]:
    return {
        "id": key,
        "name": name,
        "icon": name.lower(),
        "sort": sort,
        "is_leaf": int(name in ("Task", "Milestone")),
        "is_taskable": int(name not in ("Task", "Milestone")),
        "is_statusable": int(statuses),
        "is_typeable": int(types),
        "is_schedulable": int(dates),
        "is_time_reportable": int(name == "Task"),
    }


def _custom_attributes() -> dict[str, Rows]:
    shot = next(key for name, key, *_ in OBJECT_TYPES if name == "Shot")
    configurations = [
        {
            TYPE_COLUMN: "CustomAttributeConfiguration",
            "id": fixed_id("CustomAttributeConfiguration", key),
            "key": key,
            "label": label,
            "type_id": CUSTOM_ATTRIBUTE_TYPES[kind],
            "entity_type": "task",
            "object_type_id": shot,
            "config": json.dumps({"isdecimal": is_decimal} if kind == "number" else {"markdown": False}),
            "default": "null",
            "is_hierarchical": 0,
            "core": 0,
            "sort": index,
        }
        for index, (key, label, kind, is_decimal) in enumerate(SHOT_ATTRIBUTES)
    ]
    kinds = [{"id": key, "name": name, "core": 1} for name, key in CUSTOM_ATTRIBUTE_TYPES.items()]
    return {"CustomAttributeType": kinds, "CustomConfigurationBase": configurations}


def _users_and_roles() -> dict[str, Rows]:
    user = {
        TYPE_COLUMN: "User",
        "id": fixed_id("User", FIRST_USER),
        "username": FIRST_USER,
        "resource_type": "user",
        "is_active": 1,
        "is_otp_enabled": 0,
        "is_totp_enabled": 0,
        "require_details_update": 0,
        "user_type_id": fixed_id("UserType", "Staff"),
    }
    role = {
        "id": fixed_id("UserSecurityRole", FIRST_USER),
        "user_id": user["id"],
        "security_role_id": fixed_id("SecurityRole", "Administrator"),
        "is_all_open_projects": 1,
    }
    return {
        "UserType": _named("UserType", ("Staff", "Freelancer")),
        "Resource": [user],
        "SecurityRole": _named("SecurityRole", SECURITY_ROLES),
        "UserSecurityRole": [role],
    }


def _insert_project_schema(connection: Connection, tables: Tables) -> None:
    """Insert the one project schema, with every status and type for the object types that have them."""
    schema_id = fixed_id("ProjectSchema", "VFX")
    workflow_id, types_id = fixed_id("WorkflowSchema", "VFX"), fixed_id("TaskTypeSchema", "VFX")
    statuses = [fixed_id("Status", name) for name, *_ in STATUSES]
    types = [fixed_id("Type", name) for name in TASK_TYPES]
    rows: dict[str, list[dict[str, Any]]] = {
        "WorkflowSchema": [{"id": workflow_id, "name": "VFX"}],
        "TaskTypeSchema": [{"id": types_id, "name": "VFX"}],
        "ProjectSchema": [
            {
                "id": schema_id,
                "name": "VFX",
                "task_workflow_schema_id": workflow_id,
                "asset_version_workflow_schema_id": workflow_id,
                "task_type_schema_id": types_id,
            }
        ],
        "WorkflowSchemaStatus": [{"workflow_schema_id": workflow_id, "status_id": status} for status in statuses],
        "TaskTypeSchemaType": [{"task_type_schema_id": types_id, "type_id": found} for found in types],
        "Schema": [],
        "SchemaStatus": [],
        "SchemaType": [],
        "ProjectSchemaObjectType": [],
    }
    for name, key, has_statuses, has_types, _ in OBJECT_TYPES:
        part = fixed_id("Schema", name)
        rows["Schema"].append({"id": part, "object_type_id": key, "project_schema_id": schema_id})
        rows["ProjectSchemaObjectType"].append({"object_type_id": key, "project_schema_id": schema_id})
        if has_statuses:
            rows["SchemaStatus"].extend({"schema_id": part, "status_id": s, "sort": i} for i, s in enumerate(statuses))
        if has_types:
            rows["SchemaType"].extend({"schema_id": part, "type_id": t, "sort": i} for i, t in enumerate(types))
    for type_name, found in rows.items():
        _insert(connection, tables, type_name, found)
