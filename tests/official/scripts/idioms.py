"""What scripts commonly write, with the client that is named: prints the outcome of each line as JSON.

``python idioms.py ftrack_api|ft_dcc NAME FOLDER``; not one line differs between the two.
"""

import datetime
import importlib
import json
import logging
import sys
import uuid
from pathlib import Path

import requests

ftrack_api = importlib.import_module(sys.argv[1])
event_base = importlib.import_module(f"{sys.argv[1]}.event.base")
# What is refused is an outcome; nobody needs to read of it as well.
logging.disable(logging.CRITICAL)
NAME, FOLDER = sys.argv[2], Path(sys.argv[3])
session = ftrack_api.Session()
outcomes = {}


def note(label, function):
    """Remember what the function returns, or which of Python's and ftrack's errors it raises."""
    try:
        outcomes[label] = function()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what happens
        kinds = {kind.__name__ for kind in type(error).__mro__}
        # What scripts catch; ours may say more exactly what it is.
        caught = kinds & {"KeyError", "ServerError", "TypeError", "ValueError"}
        outcomes[label] = f"raises {min(caught) if caught else type(error).__name__}"
        session.rollback()


def names(entities):
    return [each["name"] for each in entities]


def again(entity):
    """Return the same entity from another session."""
    return ftrack_api.Session().get(entity.entity_type, entity["id"])


def written(mapping, key, value):
    """Set a value and commit it in the session of the mapping."""
    mapping[key] = value
    (mapping.collection.entity if hasattr(mapping, "collection") else mapping).session.commit()


def entities():
    note("of a base type", lambda: session.get("TypedContext", task["id"]).entity_type)
    note("nothing with this id", lambda: session.get("Task", str(uuid.uuid4())))
    note("get() like a dictionary", lambda: [task.get("thumbnail"), task.get("colour"), task.get("colour", 5)])
    note("names", lambda: sorted(task.keys()) == sorted(each.name for each in task.attributes))
    note("is there", lambda: ["name" in task, "colour" in task])
    note("read what is not there", lambda: task["colour"])
    note("write what is not there", lambda: task.__setitem__("colour", 1))
    note("write what is fixed", lambda: task.__setitem__("id", "x"))
    note("nothing was recorded", lambda: len(session.recorded_operations))
    note("link", lambda: names(task["link"])[1:])
    note("ancestors", lambda: names(task["ancestors"])[:2])
    note("children", lambda: [names(shot["children"]), sorted(names(project["descendants"]))])
    note("defaults", lambda: [task["status"]["name"], task["priority"]["name"], task["bid"], task["start_date"]])
    task["start_date"] = datetime.datetime(2026, 1, 2, 3, 4, 5)
    session.commit()
    note("a time", lambda: again(task)["start_date"].isoformat())
    note("equality", lambda: [task == session.get("Task", task["id"]), task != shot, task == "x"])
    note("encoded", lambda: session.decode(session.encode(task))["name"])
    note("encoded otherwise", lambda: session.encode(task, entity_attribute_strategy="some"))
    note("merged", lambda: session.merge(again(task))["name"])


def queries():
    mine = f"project.id is '{project['id']}'"
    note("the first of none", lambda: session.query(f"Task where name is '{NAME}'").first())
    note("one of none", lambda: session.query(f"Task where name is '{NAME}'").one())
    note("one of many", lambda: session.query(f"TypedContext where {mine}").one())
    note("how many", lambda: len(session.query(f"Task where {mine}")))
    note("by number", lambda: session.query(f"Task where {mine}")[0]["name"])
    ordered = f"select name from TypedContext where {mine} order by name"
    note("ordered", lambda: names(session.query(f"{ordered} desc limit 2")))
    note("from the second on", lambda: names(session.query(f"{ordered} offset 1 limit 2")))
    note("not in", lambda: names(session.query(f"TypedContext where {mine} and not name in ('sq','sh')")))
    note("any", lambda: names(session.query(f"Shot where children any (name is 'anim') and {mine}")))
    note("like", lambda: names(session.query(f"Shot where name like 's%' and {mine}")))
    note(
        "by custom attribute",
        lambda: names(session.query(f"Shot where custom_attributes any (key is 'fstart') and {mine}")),
    )
    note("an attribute that is none", lambda: session.query("Task where colour is 3").all())
    note("a type that is none", lambda: session.query("Tusk"))
    note(
        "raw",
        lambda: session.call([{"action": "query", "expression": f"select name from Task where {mine}"}])[0]["data"][0][
            "name"
        ],
    )
    note("an action that is none", lambda: session.call([{"action": "fly"}]))


def workflow():
    schema = project["project_schema"]
    for kind in ("Task", "AssetVersion", "Shot", "Tusk"):
        note(f"statuses of {kind}", lambda kind=kind: names(schema.get_statuses(kind)))
    note("statuses of a type", lambda: names(schema.get_statuses("Task", task["type_id"])))
    note("types", lambda: names(schema.get_types("Task")))
    note("types of Tusk", lambda: schema.get_types("Tusk"))


def people():
    written = task.create_note("Lift the chin.", user)
    session.commit()
    written.create_reply("Done.", user)
    session.commit()
    note("a note", lambda: [written["content"], written["author"]["username"], written["parent_type"]])
    note("notes", lambda: sorted(each["content"] for each in again(task)["notes"]))
    note("a timer", lambda: user.start_timer(task)["context_id"] == task["id"])
    note("a second timer", lambda: user.start_timer(task))
    note("a timer instead", lambda: user.start_timer(task, force=True)["context_id"] == task["id"])
    note("the timer ends", lambda: user.stop_timer()["context_id"] == task["id"])
    note("no timer", user.stop_timer)
    session.create("Appointment", {"context": task, "resource": user, "type": "assignment"})
    session.commit()
    note("assignments", lambda: [each["resource"]["username"] for each in again(task)["assignments"]])


def mappings():
    note("metadata", lambda: [written(task["metadata"], "a", "1"), list(again(task)["metadata"].items())])
    note("metadata that is not there", lambda: [task["metadata"].get("zz"), task["metadata"]["zz"]])
    note("other metadata", lambda: [written(task, "metadata", {"x": "y"}), dict(again(task)["metadata"])])
    note("custom attributes", lambda: sorted(shot["custom_attributes"].keys()))
    note(
        "a custom attribute",
        lambda: [written(shot["custom_attributes"], "fstart", 1001), again(shot)["custom_attributes"]["fstart"]],
    )
    note(
        "the default again",
        lambda: [
            shot["custom_attributes"].__delitem__("fstart"),
            session.commit(),
            again(shot)["custom_attributes"]["fstart"],
        ],
    )
    note("none of this key", lambda: shot["custom_attributes"]["zz"])
    note("none of this key to write", lambda: shot["custom_attributes"].__setitem__("zz", 1))


def hierarchy():
    key = NAME.lower()
    number = session.query("CustomAttributeType where name is number").one()
    values = {"key": key, "label": key, "entity_type": "show", "type": number, "is_hierarchical": True, "config": "{}"}
    configuration = session.create("CustomAttributeConfiguration", {**values, "default": 3})
    session.commit()
    # Clients read the configurations once.
    other = ftrack_api.Session()
    tree = [other.get(each.entity_type, each["id"]) for each in (project, shot, task)]

    def values_of(entities):
        return [each["custom_attributes"][key] for each in entities]

    def stored():
        fresh = ftrack_api.Session()
        return values_of([fresh.get(each.entity_type, each["id"]) for each in (project, shot, task)])

    note("a hierarchical attribute that nothing sets", stored)
    tree[0]["custom_attributes"][key] = 5
    other.commit()
    note("a hierarchical attribute of the project", lambda: [values_of(tree), stored()])
    tree[1]["custom_attributes"][key] = 7
    note("a hierarchical attribute before the commit", lambda: values_of(tree))
    other.commit()
    note("a hierarchical attribute of the shot", lambda: [values_of(tree), stored()])
    note(
        "all hierarchical values",
        lambda: [dict(tree[2]["custom_attributes"])[key], tree[2]["custom_attributes"].get(key)],
    )
    note(
        "the default of a hierarchical attribute",
        lambda: [tree[1]["custom_attributes"].__delitem__(key), other.commit(), stored()],
    )
    session.delete(configuration)
    session.commit()


def versions():
    asset = session.create("Asset", {"name": "a", "type": session.query("AssetType").first(), "parent": shot})
    first, second = (session.create("AssetVersion", {"asset": asset, "task": task}) for _ in range(2))
    session.commit()
    note("versions", lambda: [first["version"], second["version"], asset["latest_version"]["version"]])
    note("is latest", lambda: [again(first)["is_latest_version"], again(second)["is_latest_version"]])
    note("a version's link", lambda: [each["type"] for each in first["link"]])
    category = session.query("ListCategory").first()
    listed = session.create("AssetVersionList", {"name": NAME, "project": project, "category": category})
    listed["items"].append(first)
    session.commit()
    note("a list", lambda: [each["version"] for each in again(listed)["items"]])
    of_list = f"AssetVersion where lists any (name is '{NAME}') and not components any (name is 'v001')"
    note("versions of a list", lambda: [each["version"] for each in session.query(of_list)])
    note("twice in a list", lambda: listed["items"].append(first))
    review = session.create("ReviewSession", {"name": NAME, "project": project})
    session.create("ReviewSessionObject", {"name": "o", "review_session": review, "asset_version": first})
    session.commit()
    (item,) = again(review)["review_session_objects"]
    note("metadata of a review", lambda: [written(review["metadata"], "due", "Fri"), dict(again(review)["metadata"])])
    note("metadata of its object", lambda: [written(item["metadata"], "cut", "3"), dict(again(item)["metadata"])])
    note("a review", lambda: [each["asset_version"]["version"] for each in again(review)["review_session_objects"]])
    client = {"review_session": review, "name": "A client", "email": "client@example.com"}
    invitee = session.create("ReviewSessionInvitee", client)
    placed = session.create("ReviewSessionObject", {"review_session": review, "asset_version": second})
    session.commit()
    note("an invitee", lambda: [again(invitee)["created_by"]["username"], again(review)["is_open"]])
    note("an entry", lambda: [again(placed)["name"], again(placed)["version"]])
    movie = FOLDER / "film.mov"
    movie.write_bytes(b"film")
    made = first.create_component(str(movie), data={"name": "main"}, location=None)
    session.commit()
    note("a component", lambda: [made["name"], made["file_type"], made["size"], made["version"]["version"]])


def locations():
    for number in (1, 2, 3):
        (FOLDER / f"b.{number:04d}.exr").write_bytes(b"x")
    made = session.create_component(f"{FOLDER}/b.%04d.exr [1-3]", {"name": "beauty"})
    session.commit()
    note("a sequence", lambda: [made.entity_type, made["file_type"], made["padding"], names(made["members"])])
    note("where it is", lambda: [each["location"]["name"] for each in made["component_locations"]])
    note("availability", lambda: sorted(made.get_availability().values()))
    picked = session.pick_location(made)
    note("picked", lambda: [picked["name"], picked.get_filesystem_path(made) == f"{FOLDER}/b.%04d.exr"])
    note("put there again", lambda: picked.add_component(made, picked))
    server = session.query("Location where name is 'ftrack.server'").one()
    note("the server's location", lambda: [type(server.structure).__name__, server.priority])
    movie = session.create_component(str(FOLDER / "film.mov"), {"name": "up"}, location=server)
    note(
        "on the server", lambda: [server.get_component_availability(movie), "/component/get?" in server.get_url(movie)]
    )
    note("downloaded", lambda: requests.get(server.get_url(movie), timeout=30).text)
    note("a path on the server", lambda: server.get_filesystem_path(movie))
    note("removed", lambda: [server.remove_component(movie), server.get_component_availability(movie)])
    note("not in the location", lambda: server.get_resource_identifier(movie))


def operations():
    inspection = ftrack_api.inspection
    note(
        "untouched",
        lambda: [str(inspection.state(task)), inspection.identity(task)[0], list(inspection.primary_key(task))],
    )
    task["name"] = "renamed"
    note("modified", lambda: [str(inspection.state(task)), names(session.modified), session.created, session.deleted])
    session.rollback()
    note("rolled back", lambda: task["name"])
    new = session.create("Task", {"name": "new", "parent": shot})
    note("created", lambda: [str(inspection.state(new)), names(session.created)])
    session.rollback()
    with session.operation_recording(False):
        task["description"] = "not recorded"
    note("not recorded", lambda: len(session.recorded_operations))
    with session.auto_populating(False):
        poor = ftrack_api.Session(auto_populate=False).query(f"select name from Task where id is '{task['id']}'").one()
        note(
            "not fetched",
            lambda: [poor["name"], str(poor["description"]), poor["description"] is ftrack_api.symbol.NOT_SET],
        )
    note("nothing to ensure", lambda: session.ensure("Shot", {}))
    note("ensured", lambda: session.ensure("Shot", {"name": "ensured", "parent_id": sequence["id"]})["name"])


def events():
    received = []
    hub, event = session.event_hub, event_base.Event
    hub.subscribe("topic=my.topic and data.x=1", lambda event: received.append(event["data"]) or "heard", priority=5)
    note("published", lambda: hub.publish(event("my.topic", data={"x": "1"}), synchronous=True))
    note("for nobody", lambda: hub.publish(event("my.topic", data={"x": "2"}), synchronous=True))
    note("not connected", lambda: hub.publish(event("my.topic")))
    note("not connected, ignored", lambda: hub.publish(event("my.topic"), on_error="ignore"))
    note("an event", lambda: sorted(event("a.topic", data={"a": 1}).keys()))
    note("no subscription", lambda: hub.subscribe("topic", print))


schema = session.query("ProjectSchema").first()
project = session.create("Project", {"name": NAME, "full_name": NAME, "project_schema": schema})
sequence = session.create("Sequence", {"name": "sq", "parent": project})
shot = session.create("Shot", {"name": "sh", "parent": sequence})
task = session.create("Task", {"name": "anim", "parent": shot, "type": project["project_schema"].get_types("Task")[0]})
session.commit()
user = session.query(f"User where username is '{session.api_user}'").one()
for part in (entities, workflow, people, mappings, hierarchy, queries, versions, locations, operations, events):
    part()
session.delete(project)
session.commit()
note("a tree is gone", lambda: session.query(f"TypedContext where project.id is '{project['id']}'").all())
session.close()
note("closed", lambda: [session.closed, session.query("Task").first()])
print(json.dumps(outcomes))
