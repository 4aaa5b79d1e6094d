"""What the official client finds of one published version, and its film's bytes."""

import json
import sys
from pathlib import Path

import ftrack_api

session = ftrack_api.Session()
version = session.get("AssetVersion", sys.argv[1])
components = {component["name"]: component for component in version["components"]}
movie = components["ftrackreview-mp4"]
location = session.query('Location where name is "ftrack.server"').one()
reading = location.accessor.open(location.get_resource_identifier(movie), "rb")
Path(sys.argv[2]).write_bytes(reading.read())
print(
    json.dumps(
        {
            "version": version["version"],
            "comment": version["comment"],
            "task": [item["name"] for item in version["task"]["link"]],
            "asset": version["asset"]["name"],
            "thumbnail": version["thumbnail"]["name"],
            "components": sorted(components),
            "ftr_meta": json.loads(movie["metadata"]["ftr_meta"]),
            "size": movie["size"],
            "reviews": [
                [item["review_session"]["name"], item["review_session"]["project"]["name"]]
                for item in version["review_session_objects"]
            ],
        }
    )
)
