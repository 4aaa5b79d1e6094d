"""Read every file of versions; the files of each component are counted by its location and what is found there."""

import collections
import hashlib
import json
import sys
from pathlib import Path

import ftrack_api

session = ftrack_api.Session(auto_connect_event_hub=False)
found = collections.Counter()
for version_id in json.loads(Path(sys.argv[1]).read_bytes()):
    for component in session.query(f'Component where version_id is "{version_id}"'):
        location = session.pick_location(component)
        place = location["name"] if location is not None else "nowhere"
        files = component["members"] if component.entity_type == "SequenceComponent" else [component]
        for file in files:
            available = [location.get_component_availability(each) for each in (component, file)]
            state = "available" if available == [100.0, 100.0] else "not available"
            if place != "ftrack.server":
                path = Path(location.get_filesystem_path(file))
                checksum = hashlib.sha256(path.read_bytes()).hexdigest()
                is_same = checksum == file["metadata"]["ft_dcc_sha256"] and path.stat().st_size == file["size"]
                state += ", unchanged" if is_same else f", another file at {path}"
            found[f"{component['name']} in {place}: {state}"] += 1
print(json.dumps(found))
