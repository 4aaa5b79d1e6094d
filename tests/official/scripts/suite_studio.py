"""Fills a new studio with what the official client's own test suite expects to find on its server."""

import json
import uuid

import ftrack_api

session = ftrack_api.Session()
operations = []

LINKS = ("SchemaStatus", "SchemaType", "WorkflowSchemaStatus", "TaskTypeSchemaType")
NUMBER, TEXT, BOOLEAN = (
    session.query(f"CustomAttributeType where name is {name}").one()["id"] for name in ("number", "text", "boolean")
)
OBJECT_TYPES = {found["name"]: found["id"] for found in session.query("select name from ObjectType")}


def create(entity_type, /, **data):
    if entity_type not in LINKS:
        data.setdefault("id", str(uuid.uuid4()))
    operations.append({"action": "create", "entity_type": entity_type, "entity_data": data})
    return data.get("id")


def statuses(*names):
    return [create("Status", name=name, sort=100 + index, is_active=True) for index, name in enumerate(names)]


def attribute(key, type_id, **data):
    return create("CustomAttributeConfiguration", key=key, label=key, type_id=type_id, config="{}", **data)


# The ids are those that the suite asks for.
user = create("User", id="d07ae5d0-66e1-11e1-b5e9-f23c91df25eb", username="jenkins", is_active=True)
for number in range(14):
    create("User", username=f"extra{number}")

workflow, versions, types = (create(name) for name in ("WorkflowSchema", "WorkflowSchema", "TaskTypeSchema"))
for status in statuses("Not started", "In progress", "Awaiting approval", "Approved"):
    create("WorkflowSchemaStatus", workflow_schema_id=workflow, status_id=status)
for status in statuses("Approved", "Pending"):
    create("WorkflowSchemaStatus", workflow_schema_id=versions, status_id=status)
task_types = ("Generic", "Animation", "Modeling", "Previz", "Lookdev", "Hair", "Cloth", "FX", "Lighting", "Compositing")
for name in (*task_types, "Tracking", "Rigging", "test 1", "test type 2"):
    create("TaskTypeSchemaType", task_type_schema_id=types, type_id=create("Type", name=name))
schema = create(
    "ProjectSchema",
    id="69cb7f92-4dbf-11e1-9902-f23c91df25eb",
    name="VFX Scheme",
    task_workflow_schema_id=workflow,
    asset_version_workflow_schema_id=versions,
    task_type_schema_id=types,
)
shot_statuses = statuses("Normal", "Omitted", "On Hold")
for name in ("Shot", "AssetBuild"):
    part = create("Schema", project_schema_id=schema, object_type_id=OBJECT_TYPES[name])
    for status in shot_statuses:
        create("SchemaStatus", schema_id=part, status_id=status)
for name in ("Character", "Prop", "Environment", "Matte Painting"):
    create("SchemaType", schema_id=part, type_id=create("Type", name=name))

project = create(
    "Project", id="5671dcb0-66de-11e1-8e6e-f23c91df25eb", name="Tests", full_name="Tests", project_schema_id=schema
)
folder = create("Folder", name="tasks", parent_id=create("Folder", name="python_api", parent_id=project))
task = create("Task", id="adb4ad6c-7679-11e2-8df2-f23c91df25eb", name="t1", parent_id=folder)
shot = create("Shot", name="shot", parent_id=create("Sequence", name="sequence", parent_id=project))
for number in range(20):
    create("Task", name=f"more{number}", parent_id=shot)
version = create("AssetVersion", asset_id=create("Asset", name="asset", context_id=shot))
create("Timelog", user_id=user, context_id=task, duration=10, name="timelog")
create("Location", name="test.location")

number_on_task = attribute("customNumber", NUMBER, entity_type="task", object_type_id=OBJECT_TYPES["Task"], default=0)
number_on_version = attribute("NumberField", NUMBER, entity_type="assetversion", default=0)
attribute("versiontest", NUMBER, entity_type="assetversion", default=0)
attribute("listbool", BOOLEAN, entity_type="list", default=False)
attribute("teststring", TEXT, entity_type="user", default="")
attribute("htest", NUMBER, entity_type="show", is_hierarchical=True, default=0)
for kind, configuration, entity in (("Context", number_on_task, task), ("AssetVersion", number_on_version, version)):
    operations.append(
        {
            "action": "update",
            "entity_type": f"{kind}CustomAttributeValue",
            "entity_key": [configuration, entity],
            "entity_data": {"value": 7},
        }
    )

print(json.dumps(len(session.call(operations))))
