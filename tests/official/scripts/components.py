"""Make components and look at them; either client prints the same."""

import json
import sys
from pathlib import Path

SERVER, UNMANAGED = "3a372bde-05bc-11e4-8908-20c9d081909b", "cb268ecc-8809-11e3-a7e2-20c9d081909b"


def work(session, folder):
    server = session.query('Location where name is "ftrack.server"').one()
    movie = session.create_component(f"{folder}/film.mov", {"name": "main"}, location=server)
    left = session.create_component(f"{folder}/film.mov")
    frames = session.create_component(f"{folder}/a.%04d.exr [1-2, 4]", {"name": "frames"}, location=server)
    loose = session.create_component(f"{folder}/a.%04d.exr [1-2, 4]", {"name": "loose"}, location=None)
    session.commit()
    found = [described(session, component) for component in (movie, left, frames, loose)]
    found += [session.pick_location()["name"], errors(session, server, movie)]
    server.remove_components([movie, frames])
    return [*found, described(session, movie), described(session, frames)]


def described(session, component):
    availability = component.get_availability()
    picked = session.pick_location(component)
    rows = f"select location.name, component_id from ComponentLocation where component_id is {component['id']}"
    return {
        "type": component.entity_type,
        "values": [component[name] for name in ("name", "file_type", "size")],
        "members": sorted([m["name"], m["size"], m["file_type"]] for m in component["members"])
        if "members" in component.keys()  # noqa: SIM118 - the official client's entities fail on "in"
        else None,
        "availability": [availability[SERVER], availability[UNMANAGED]],
        "picked": picked and picked["name"],
        "locations": sorted(row["location"]["name"] for row in session.query(rows)),
    }


def errors(session, server, movie):
    origin = session.get("Location", "ce9b348f-8809-11e3-821c-20c9d081909b")
    found = []
    for attempt in (
        lambda: server.add_component(movie, origin),
        lambda: session.get("Location", UNMANAGED).get_filesystem_path(movie),
        lambda: server.get_filesystem_path(movie),
        lambda: server.add_components([movie, movie, movie], [origin, origin]),
    ):
        try:
            attempt()
        except Exception as error:  # noqa: BLE001 - its name is the result
            found.append(type(error).__name__)
    return found


if __name__ == "__main__":
    import ftrack_api

    print(json.dumps(work(ftrack_api.Session(), Path(sys.argv[1]))))
