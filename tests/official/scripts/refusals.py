"""Asks for what cannot be, and tells what the client makes of the answers."""

import json
import sys

import ftrack_api

session = ftrack_api.Session(strict_api=sys.argv[1] == "strict")


def refusal(function):
    try:
        function()
    except ftrack_api.exception.ServerError as error:
        return str(error)
    return ""


def commit(entity_type, data):
    session.create(entity_type, data)
    try:
        session.commit()
    finally:
        session.rollback()


json.dump(
    {
        "unknown attribute": refusal(lambda: session.query('Task where colour is "x"').all()),
        "unknown status": refusal(lambda: commit("User", {"username": "u", "user_type_id": "missing"})),
        "no parent": refusal(lambda: commit("Shot", {"name": "orphan"})),
        "unknown action": refusal(lambda: session.call([{"action": "fly"}])),
        "no user": len(session.query('User where username is "u"').all()),
    },
    sys.stdout,
)
