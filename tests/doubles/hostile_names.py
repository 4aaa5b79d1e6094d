"""Names and notes with markup, control characters, marks of direction, line breaks and 10,000 letters."""

import re

from doubles.notes import add_version_to_review, assign, write_note

from ft_dcc.session import operations

CONTROLS = "\x1b[31m\x07\x9b\u061c\u200e\u200f\u202a\u202e\u2066\u2069"
NAME = f'<img src="//host/x"><b>&File{CONTROLS}\nnext line\r' + 500 * "long name " + 5000 * "x"
NOTE = f'<img src="//host/x"><b>&File{CONTROLS}\nsecond line' + 500 * "long note " + 5000 * "x"
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def make_hostile_task(session):
    """Return a task of a project in which all names are hostile, with a version that has such notes."""

    def create(kind, **values):
        (made,) = session.call([operations.create(kind, {"name": NAME, **values})])
        return made["data"]["id"]

    for kind in ("Status", "Type"):
        found = session.query(f"select id, name from {kind}").all()
        names = [{"name": f"{NAME}{each['name']}"} for each in found]
        session.call([operations.update(kind, each["id"], values) for each, values in zip(found, names)])
    user = session.query(f'User where username is "{session.api_user}"').one()["id"]
    session.call([operations.update("User", user, {"first_name": NAME, "last_name": NAME})])
    schema = session.query("select id from ProjectSchema").first()["id"]
    project = create("Project", full_name=NAME, project_schema_id=schema)
    shot = create("Shot", parent_id=project, project_id=project)
    task = session.get("Task", create("Task", parent_id=shot, project_id=project))
    entry = add_version_to_review(session, task)
    session.call(
        [operations.update("Asset", each["id"], {"name": NAME}) for each in session.query("select id from Asset")]
    )
    review = session.query("select id from ReviewSession").one()["id"]
    session.call([operations.update("ReviewSession", review, {"name": NAME})])
    session.call([operations.create("Note", {"content": NOTE, "in_reply_to_id": write_note(session, entry, NOTE)})])
    assign(session, task["id"])
    return task
