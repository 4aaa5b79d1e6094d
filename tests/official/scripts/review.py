"""Publishes a file into a review session the way a studio's own tool would."""

import json
import sys
import tempfile
from pathlib import Path

import ftrack_api
import requests

name = sys.argv[1]
session = ftrack_api.Session()
project = session.create("Project", {"name": name, "project_schema": session.query("ProjectSchema").first()})
shot = session.create("Shot", {"name": "sh010", "parent": project})
asset = session.create("Asset", {"name": "playblast", "parent": shot})
version = session.create("AssetVersion", {"asset": asset})
session.commit()

movie = Path(tempfile.mkdtemp()) / "film.mp4"
movie.write_bytes(bytes(range(256)) * 16)
server = session.query('Location where name is "ftrack.server"').one()
component = version.create_component(str(movie), {"name": "ftrackreview-mp4"}, location=server)
component["metadata"]["ftr_meta"] = json.dumps({"frameIn": 1001, "frameOut": 1048})
review = session.create("ReviewSession", {"name": "dailies", "description": "monday", "project": project})
entry = session.create("ReviewSessionObject", {"review_session": review, "asset_version": version})
client = {"review_session": review, "name": "A client", "email": "client@example.com"}
invitee = session.create("ReviewSessionInvitee", client)
user = session.query(f'User where username is "{session.api_user}"').one()
note = version.create_note("Lift the chin.", user)
session.commit()

url = component["component_locations"][0]["url"]["url"]
result = {
    "size": component["size"],
    "type": component.entity_type,
    "availability": session.get_component_availability(component)[server["id"]],
    "picked": session.pick_location(component)["name"],
    "downloaded": requests.get(url, timeout=30).content == movie.read_bytes(),
    "is_open": review["is_open"],
    "entry": [entry["name"], entry["version"]],
    "entries": len(session.query(f'ReviewSessionObject where review_session.id is "{review["id"]}"').all()),
    "invitee": invitee["created_by"]["username"],
    "recipients": len(note["recipients"]),
    "frames": json.loads(session.get("FileComponent", component["id"])["metadata"]["ftr_meta"]),
}
server.remove_component(component)
result["left"] = session.get_component_availability(component)[server["id"]]
json.dump(result, sys.stdout)
