"""Writes and answers notes in ftrack's own way: ``feedback.py write NAME``, then ``feedback.py read NOTE_ID``."""

import json
import sys

import ftrack_api

command, argument = sys.argv[1:]
session = ftrack_api.Session()
user = session.query(f'User where username is "{session.api_user}"').one()


def write(name):
    project = session.create("Project", {"name": name, "project_schema": session.query("ProjectSchema").first()})
    shot = session.create("Shot", {"name": "sh010", "parent": project})
    version = session.create("AssetVersion", {"asset": session.create("Asset", {"name": "main", "parent": shot})})
    review = session.create("ReviewSession", {"name": "dailies", "description": "", "project": project})
    entry = session.create("ReviewSessionObject", {"review_session": review, "asset_version": version})
    label = session.query("NoteLabel").first()
    session.commit()
    note = version.create_note("Lift the chin.", user)
    note["metadata"]["reviewFrame"] = json.dumps({"number": 1010})
    session.create("NoteLabelLink", {"note_id": note["id"], "label_id": label["id"]})
    note.create_reply("By how much?", user)
    entry.create_note("In the session", user)
    done = version.create_note("Done already", user)
    session.commit()
    done["completed_at"], done["completed_by"] = "2026-01-02T03:04:05", user
    session.commit()
    return {"version": version["id"], "note": note["id"], "label": label["name"]}


def read(note_id):
    note = session.query(f'select is_todo, completed_at, completed_by.username from Note where id is "{note_id}"').one()
    answered = session.query(f'select content from Note where in_reply_to_id is "{note_id}"')
    replies = [reply["content"] for reply in answered]
    by = note["completed_by"]["username"] if note["completed_by"] else None
    return {"replies": sorted(replies), "done": note["completed_at"] is not None, "by": by}


json.dump({"write": write, "read": read}[command](argument), sys.stdout)
