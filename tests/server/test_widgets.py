"""The small pages that programs show inside: about an entity, and about the user's tasks."""

import requests
from run_options import TIMEOUT_SECONDS


def page(session, **asked):
    (result,) = session.call([{"action": "get_widget_url", **asked}])
    return requests.get(result["widget_url"], timeout=TIMEOUT_SECONDS)


def test_the_info_widget_shows_link_and_status(session, project_task):
    shown = page(session, name="info", entity_type="Task", entity_key=[project_task["id"]], theme="light")
    assert shown.status_code == 200
    assert "link: " in shown.text
    assert "sq010 / sh010 / animation" in shown.text
    assert "status: In progress" in shown.text


def test_names_are_escaped_in_widgets(session, project):
    folder = session.create("Folder", {"name": "<script>alert(1)</script>", "parent": project})
    session.commit()
    shown = page(session, name="info", entity_type="Folder", entity_key=[folder["id"]])
    assert "<script>" not in shown.text
    assert "&lt;script&gt;" in shown.text


def test_the_tasks_widget_lists_the_tasks_of_the_user(session, project_task):
    user = session.query(f'User where username is "{session.api_user}"').one()
    assignment = session.create("Appointment", {"type": "assignment", "context": project_task, "resource": user})
    session.commit()
    shown = page(session, name="tasks", theme=None)
    session.delete(assignment)
    session.commit()
    assert shown.status_code == 200
    assert "sh010 / animation" in shown.text


def test_a_forged_widget_url_is_refused(session):
    assert requests.get(f"{session.server_url}/widget/made.up", timeout=TIMEOUT_SECONDS).status_code == 403
