"""Makes a project down to a version, and reads it back in a second session."""

import json
import sys

import ftrack_api

name = sys.argv[1]
session = ftrack_api.Session()
schema = session.query("ProjectSchema").first()
project = session.create("Project", {"name": name, "full_name": "The show", "project_schema": schema})
sequence = session.create("Sequence", {"name": "sq010", "parent": project})
shot = session.create("Shot", {"name": "sh010", "parent": sequence, "metadata": {"camera": "A"}})
shot["custom_attributes"]["fstart"] = 1001
task = session.create(
    "Task",
    {
        "name": "animation",
        "parent": shot,
        "type": session.query('Type where name is "Animation"').one(),
        "status": session.query('Status where name is "In progress"').one(),
    },
)
asset = session.create(
    "Asset", {"name": "playblast", "parent": shot, "type": session.query('AssetType where short is "playblast"').one()}
)
first = session.create("AssetVersion", {"asset": asset, "task": task, "comment": "first"})
session.commit()
second = session.create("AssetVersion", {"asset": asset, "task": task})
session.commit()

again = ftrack_api.Session()
found = again.query(f'Task where name is animation and parent.parent.name is sq010 and project.name is "{name}"').one()
version = again.get("AssetVersion", second["id"])
result = {
    "status": found["status"]["name"],
    "type": found["type"]["name"],
    "link": [step["name"] for step in found["link"]],
    "ancestors": [ancestor.entity_type for ancestor in found["ancestors"]],
    "metadata": dict(found["parent"]["metadata"]),
    "fstart": found["parent"]["custom_attributes"]["fstart"],
    "versions": [first["version"], second["version"]],
    "latest": version["asset"]["latest_version"]["id"] == second["id"],
    "is_latest": [again.get("AssetVersion", first["id"])["is_latest_version"], version["is_latest_version"]],
    "user": version["user"]["username"],
}
again.delete(again.get("Project", project["id"]))
again.commit()
result["left"] = len(again.query(f'Context where project_id is "{project["id"]}"').all())
json.dump(result, sys.stdout)
