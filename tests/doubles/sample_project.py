"""A studio with the project Film, which has nearly all types, and another project that refers to it."""

from uuid import uuid4

from ft_dcc.session import Session, operations
from ft_dcc.session.transfer.transfer import upload

MOVIE_BYTES = b"not quite a movie" * 4096
# Entities of the other project, by their names.
ELSEWHERE = ("Other", "elsewhere", "alien")


def opened(server):
    known = server.credentials
    return Session(known.server_url, known.api_key, known.api_user)


def fill(session, folder):
    """Create the project: a guest's note, two versions with a gap in their numbers, and a closed review session."""
    schema = session.query("ProjectSchema").one()
    movie = session.create("Project", {"name": "Film", "full_name": "The Film", "project_schema": schema})
    other = session.create("Project", {"name": "Other", "project_schema": schema})
    anna = session.create("User", {"username": "anna", "first_name": "Anna", "last_name": "Ek", "is_active": True})
    ben = session.create("User", {"username": "ben", "first_name": "Ben", "email": "Ben@example.com"})
    group = session.create("Group", {"name": "animators", "local": False})
    session.create("Membership", {"user": anna, "group": group})
    client, only_here = (
        session.create("Status", {"name": name, "state": session.query("State").first()})
        for name in ("Client approved", "On the wall")
    )
    shot = session.create(
        "Shot", {"name": "sh010", "parent": session.create("Sequence", {"name": "sq010", "parent": movie})}
    )
    task = session.create("Task", {"name": "animation", "parent": shot, "status": only_here})
    foreign = session.create("Task", {"name": "elsewhere", "parent": other})
    for linked in (task, foreign):
        session.create("TypedContextLink", {"from": shot, "to": linked})
    session.create("Appointment", {"context": task, "resource": anna, "type": "assignment"})
    session.create("Appointment", {"context": shot, "resource": group, "type": "allocation"})
    kind = session.query('AssetType where short is "playblast"').one()
    asset = session.create("Asset", {"name": "anim", "parent": shot, "type": kind})
    first = session.create("AssetVersion", {"asset": asset, "task": task, "version": 1, "comment": "one", "user": anna})
    third = session.create("AssetVersion", {"asset": asset, "task": task, "version": 3, "status": client, "user": ben})
    alien = session.create("Asset", {"name": "alien", "parent": other, "type": kind})
    alien_version = session.create("AssetVersion", {"asset": alien, "task": foreign})
    session.create("AssetVersionLink", {"from": first, "to": alien_version})
    review = session.create("ReviewSession", {"name": "Dailies", "project": movie})
    member = session.create("ReviewSessionObject", {"review_session": review, "asset_version": first, "name": "anim"})
    ida = session.create("ReviewSessionInvitee", {"review_session": review, "name": "Ida", "email": "ida@example.com"})
    category = session.query("ListCategory").first()
    chosen = session.create("AssetVersionList", {"name": "Selects", "project": movie, "category": category})
    session.commit()
    for listed in (first, alien_version):
        session.create("ListObject", {"list_id": chosen["id"], "entity_id": listed["id"]})
    session.create("ReviewSessionObjectStatus", {"review_session_object": member, "invitee": ida, "status": "approved"})
    place = {"parent_id": third["id"], "parent_type": "AssetVersion"}
    softer = session.create("Note", {"content": "Softer.", "author": anna, **place})
    session.create("Note", {"content": "Will do.", "author": ben, "in_reply_to": softer, **place})
    guest = session.create(
        "Note", {"content": "Lovely.", "parent_id": member["id"], "parent_type": "ReviewSessionObject"}
    )
    session.commit()
    # Notes of guests have no author.
    session.call([operations.update("Note", guest["id"], {"user_id": None})])
    guest["metadata"]["invitee_id"] = ida["id"]
    shot["custom_attributes"]["fstart"] = 1001
    shot["custom_attributes"]["fps"] = 23.976
    task["metadata"]["renderer"] = "eevee"
    review["passphrase"], review["passphrase_enabled"] = "open sesame", True
    session.commit()
    session.call([operations.update("AssetVersion", first["id"], {"thumbnail_id": _add_movie(session, folder, third)})])
    session.call([operations.create("Note", {"content": "Lift the chin.", "frame_number": 1010, **place})])
    review["end_date"] = "2020-01-01"
    session.commit()


def _add_movie(session, folder, version):
    path, key = folder / "movie.mp4", str(uuid4())
    path.write_bytes(MOVIE_BYTES)
    upload(session, path, component_id=key, name="movie", file_type=".mp4")
    metadata = {"parent_id": key, "parent_type": "FileComponent", "key": "ftr_meta", "value": '{"frameIn": 1001}'}
    session.call(
        [
            operations.update("FileComponent", key, {"version_id": version["id"]}),
            operations.add_to_server_location(key),
            operations.update("AssetVersion", version["id"], {"thumbnail_id": key}),
            operations.create("Metadata", metadata),
        ]
    )
    return key
