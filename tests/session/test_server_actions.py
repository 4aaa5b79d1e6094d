import datetime
import hashlib
import uuid
from base64 import b64encode

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import AuthenticationError, NoResultFoundError, NotUniqueError, ServerCompatibilityError, ServerError
from ft_dcc.session import Session, operations


@pytest.fixture
def user(session):
    name = f"user_{uuid.uuid4().hex[:12]}"
    user = session.create("User", {"username": name, "is_active": True, "email": f"{name}@example.com"})
    session.commit()
    return user


def names(entities):
    return [entity["name"] for entity in entities]


def test_note_has_author_recipients_and_labels(session, project_shot, user, open_session):
    author = session.query("User where username is 'admin'").one()
    label = session.query("NoteLabel where name is 'Internal'").one()
    note = project_shot.create_note("Lift the chin.", author, recipients=[user], labels=[label])
    session.commit()
    seen = open_session().get("Note", note["id"])
    assert (seen["content"], seen["author"]["username"]) == ("Lift the chin.", "admin")
    assert seen["parent_id"] == project_shot["id"]
    assert user["id"] in [recipient["resource_id"] for recipient in seen["recipients"]]
    assert [link["label"]["name"] for link in seen["note_label_links"]] == ["Internal"]


def test_category_of_older_scripts_becomes_a_label(session, project_shot, open_session):
    author = session.query("User where username is 'admin'").one()
    category = session.query("NoteCategory where name is 'Internal'").one()
    with pytest.warns(PendingDeprecationWarning, match="labels"):
        note = project_shot.create_note("Lift the chin.", author, category=category)
    session.commit()
    assert open_session().get("Note", note["id"])["category"]["name"] == "Internal"
    with pytest.raises(ValueError, match="either a category or labels"):
        project_shot.create_note("Both.", author, category=category, labels=[category])


def test_only_types_with_notes_have_create_note(session):
    can = {name for name in session.types if hasattr(session.types[name], "create_note")}
    assert {"Task", "Shot", "Project", "AssetVersion", "ReviewSessionObject"} <= can
    assert not {"User", "Status", "Note", "ReviewSession"} & can


def test_stopped_timer_becomes_a_timelog(session, project_task, user, open_session):
    timer = user.start_timer(project_task, comment="blocking", name="animation")
    assert timer["context_id"] == project_task["id"]
    with session.operation_recording(False):
        timer["start"] = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=90)
    session.call(operations.update("Timer", timer["id"], {"start": timer["start"]}))
    timelog = user.stop_timer()
    seen = open_session().get("Timelog", timelog["id"])
    assert (seen["name"], seen["comment"], seen["context_id"]) == ("animation", "blocking", project_task["id"])
    assert 89 <= seen["duration"] < 600
    assert open_session().query(f"Timer where user_id is '{user['id']}'").first() is None
    with pytest.raises(NoResultFoundError):
        user.stop_timer()


def test_user_has_at_most_one_running_timer(session, project_task, user, open_session):
    first = user.start_timer(project_task, name="first")
    with pytest.raises(NotUniqueError, match="force=True"):
        user.start_timer(project_task, name="second")
    assert len(session.recorded_operations) == 0
    second = user.start_timer(project_task, name="third", force=True)
    timers = open_session().query(f"select id from Timer where user_id is '{user['id']}'").all()
    assert [timer["id"] for timer in timers] == [second["id"]]
    assert second["id"] != first["id"]
    timelogs = open_session().query(f"select name from Timelog where user_id is '{user['id']}'").all()
    assert names(timelogs) == ["first"]


def test_reset_api_key_replaces_the_old_key(session, user, studio_server):
    first, second = user.reset_api_key(), user.reset_api_key()
    with pytest.raises(AuthenticationError):
        Session(studio_server.server_url, first, user["username"])
    Session(studio_server.server_url, second, user["username"]).close()


def test_upload_metadata_address_accepts_a_put(session):
    content = b"a film"
    component = session.create("FileComponent", {"name": "film", "file_type": ".mov", "size": len(content)})
    session.commit()
    checksum = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    metadata = session.get_upload_metadata(component["id"], "film.mov", len(content), checksum)
    answer = requests.put(metadata["url"], data=content, headers=metadata["headers"], timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200


def test_encode_media_refuses_other_entities(session):
    with pytest.raises(ValueError, match="42 cannot be encoded"):
        session.encode_media(42)


INVITE = {"action": "send_review_session_invite"}


@pytest.mark.parametrize(
    ("method", "arguments", "operations"),
    [
        ("send_user_invite", ({"id": "u"},), [{"action": "send_user_invite", "user_id": "u"}]),
        (
            "send_review_session_invites",
            ([{"id": "a"}, {"id": "b"}],),
            [{**INVITE, "review_session_invitee_id": "a"}, {**INVITE, "review_session_invitee_id": "b"}],
        ),
        ("get_widget_url", ("tasks", None, "dark"), [{"action": "get_widget_url", "name": "tasks", "theme": "dark"}]),
        ("delayed_job", ("SYNC_USERS_LDAP",), [{"action": "delayed_job", "job_type": "SYNC_USERS_LDAP"}]),
    ],
)
def test_request_matches_the_documentation(session, sent, method, arguments, operations):
    # The server may refuse it: not every server can send mail.
    try:
        getattr(session, method)(*arguments)
    except ServerError as error:
        reasons = ("no ", "There is", "not supported")
        assert isinstance(error, ServerCompatibilityError) or any(reason in str(error) for reason in reasons)
    assert sent == [operations]
