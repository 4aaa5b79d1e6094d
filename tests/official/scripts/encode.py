"""Has a film and a component encoded, and says what came of both."""

import json
import sys
import time
from pathlib import Path

import ftrack_api

name, movie = sys.argv[1], Path(sys.argv[2])
session = ftrack_api.Session()
project = session.create("Project", {"name": name, "project_schema": session.query("ProjectSchema").first()})
asset = session.create("Asset", {"name": "playblast", "parent": project})
versions = [session.create("AssetVersion", {"asset": asset}) for _ in range(2)]
session.commit()


def ended(job):
    while job["status"] in ("queued", "running"):
        time.sleep(0.1)
        del job["status"]
        session.populate([job], "status, data, job_components.component.name")
    return job


def made(version):
    found = session.query(f'select name, metadata from FileComponent where version_id is "{version["id"]}"')
    return {each["name"]: each for each in found}


server = session.query('Location where name is "ftrack.server"').one()
by_path = ended(versions[0].encode_media(str(movie)))
source = versions[1].create_component(str(movie), {"name": "plate"}, location=server)
session.commit()
by_component = ended(versions[1].encode_media(source))
data = json.loads(by_path["data"])
components = made(versions[0])
review = components["ftrackreview-mp4"]
result = {
    "status": [by_path["status"], by_component["status"]],
    "formats": [each["format"] for each in data["output"]],
    "kept": [data["keep_original"], json.loads(by_component["data"])["keep_original"]],
    "attached": sorted(each["component"]["name"] for each in by_path["job_components"]),
    "components": [sorted(components), sorted(made(versions[1]))],
    "ftr_meta": json.loads(review["metadata"]["ftr_meta"]),
    "availability": session.get_component_availability(review)[server["id"]],
    "sources": len(session.query(f'FileComponent where id is "{data["source_component_id"]}"').all()),
    "head": server.accessor.open(review["id"], "rb").read()[4:8].decode(),
}
json.dump(result, sys.stdout)
