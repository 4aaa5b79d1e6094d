import datetime
import uuid

import pytest

from ft_dcc.errors import ServerError, UnrecognisedAttributeError
from ft_dcc.session import operations

NUMBER = "92009b00-381c-11e0-acff-0019bb49847a"


def test_values_of_a_shot_are_read_and_written(session, open_session, project_shot):
    shot = open_session().get("Shot", project_shot["id"])
    values = {"fstart": 1001, "fend": 1048, "handles": 8, "fps": 23.976, "resolution": "1280x720"}
    # Another test may have made an attribute of its own.
    assert dict(shot["custom_attributes"]).items() >= values.items()
    shot["custom_attributes"]["fend"] = 1100
    assert shot["custom_attributes"]["fend"] == 1100
    shot.session.commit()
    assert open_session().get("Shot", project_shot["id"])["custom_attributes"]["fend"] == 1100


def test_new_shot_has_values_before_the_commit(session, open_session, project, sent):
    shot = session.create("Shot", {"name": "new", "parent": project, "custom_attributes": {"fstart": 7}})
    shot["custom_attributes"]["fend"] = 9
    assert set(shot["custom_attributes"]) >= {"fstart", "fend", "handles", "fps", "resolution"}
    session.commit()
    assert [each["action"] for each in sent[-1]] == ["create", "update", "update"]
    read = open_session().get("Shot", shot["id"])
    assert (read["custom_attributes"]["fstart"], read["custom_attributes"]["fend"]) == (7, 9)


def test_one_request_fetches_the_values_of_a_result(session, open_session, project, sent):
    for number in range(30):
        session.create("Shot", {"name": f"s{number:02d}", "parent": project, "custom_attributes": {"fstart": number}})
    session.commit()
    shots = open_session().query(f"select name from Shot where parent_id is {project['id']} order by name").all()
    shots[0].session.custom_attribute_configurations()
    sent.clear()
    assert [shot["custom_attributes"]["fstart"] for shot in shots] == list(range(30))
    assert len(sent) == 1


def test_unknown_custom_attribute_is_refused(project_shot, sent):
    project_shot["custom_attributes"]["fend"]
    sent.clear()
    with pytest.raises(UnrecognisedAttributeError, match="no 'fednd'"):
        project_shot["custom_attributes"]["fednd"] = 1
    with pytest.raises(KeyError):
        project_shot["custom_attributes"]["fednd"]
    with pytest.raises(UnrecognisedAttributeError, match="no 'fednd'"):
        del project_shot["custom_attributes"]["fednd"]
    assert sent == []


@pytest.fixture
def handed_down(session):
    """Create a hierarchical number attribute."""
    found = session.query("CustomAttributeConfiguration where key is 'overscan'").first()
    if found is None:
        data = {"key": "overscan", "label": "Overscan", "entity_type": "show", "type_id": NUMBER, "default": 0}
        found = session.create("CustomAttributeConfiguration", {**data, "is_hierarchical": True, "config": "{}"})
        session.commit()
    return found


def test_value_is_inherited_from_the_nearest_parent(handed_down, open_session, project_task, sent):
    session = open_session()
    task = session.get("Task", project_task["id"])
    assert task["custom_attributes"].inherited("overscan") == 0
    task["project"]["custom_attributes"]["overscan"] = 5
    session.commit()
    assert task["custom_attributes"].inherited("overscan") == 5
    # As the official client reads it: what is stored for the task.
    assert task["custom_attributes"]["overscan"] == 0
    assert task["parent"]["custom_attributes"].inherited("overscan") == 5
    task["parent"]["custom_attributes"]["overscan"] = 7
    session.commit()
    assert task["custom_attributes"].inherited("overscan") == 7
    task["custom_attributes"]["overscan"] = 0
    session.commit()
    assert task["custom_attributes"].inherited("overscan") == 0
    assert open_session().get("Task", task["id"])["custom_attributes"].inherited("overscan") == 0


def test_the_session_that_creates_an_attribute_inherits_its_values(open_session, project_task):
    session, key = open_session(), f"bleed{uuid.uuid4().hex[:8]}"
    session.custom_attribute_configurations()
    data = {"key": key, "label": key, "entity_type": "show", "type_id": NUMBER, "default": 0, "is_hierarchical": True}
    session.create("CustomAttributeConfiguration", {**data, "config": "{}"})
    session.commit()
    task = session.get("Task", project_task["id"])
    task["project"]["custom_attributes"][key] = 5
    session.commit()
    assert task["custom_attributes"].inherited(key) == 5


def test_one_request_fetches_inherited_values_of_a_result(session, handed_down, open_session, project_shot, sent):
    for number in range(20):
        session.create("Task", {"name": f"t{number}", "parent": project_shot})
    project_shot["custom_attributes"]["overscan"] = 3
    session.commit()
    other = open_session()
    tasks = other.query(f"select link, custom_attributes from Task where parent_id is {project_shot['id']}").all()
    other.custom_attribute_configurations()
    sent.clear()
    assert [task["custom_attributes"].inherited("overscan") for task in tasks] == [3] * 20
    assert len(sent) == 1


def test_deleted_value_is_reset_to_default_or_inherited(handed_down, open_session, project_task):
    session = open_session()
    shot = session.get("Shot", project_task["parent_id"])
    shot["project"]["custom_attributes"]["overscan"] = 5
    shot["custom_attributes"]["overscan"] = 7
    session.commit()
    del shot["custom_attributes"]["overscan"]
    session.rollback()
    assert shot["custom_attributes"].inherited("overscan") == 7
    del shot["custom_attributes"]["overscan"], shot["custom_attributes"]["fend"]
    session.commit()
    for seen in (shot, open_session().get("Shot", shot["id"])):
        assert (seen["custom_attributes"].inherited("overscan"), seen["custom_attributes"]["fend"]) == (5, None)
    shot["custom_attributes"]["fend"] = 1010
    session.rollback()
    assert shot["custom_attributes"]["fend"] is None
    shot["custom_attributes"]["fend"] = 1020
    session.commit()
    assert open_session().get("Shot", shot["id"])["custom_attributes"]["fend"] == 1020


def test_date_value_is_a_date_and_can_be_queried(session, open_session, project_shot):
    kind = session.query("CustomAttributeType where name is 'date'").one()
    shots = session.query("ObjectType where name is 'Shot'").one()
    due = session.create(
        "CustomAttributeConfiguration",
        {"key": "due", "label": "Due", "entity_type": "task", "object_type": shots, "type": kind, "config": "{}"},
    )
    session.commit()
    try:
        shot = open_session().get("Shot", project_shot["id"])
        shot["custom_attributes"]["due"] = datetime.datetime(2026, 3, 4, 5, 6)
        shot.session.commit()
        soon = operations.update("ContextCustomAttributeValue", [due["id"], shot["id"]], {"value": "soon"})
        with pytest.raises(ServerError, match="due' must be of type date, and 'soon' is not"):
            session.call([soon])
        read = open_session().get("Shot", project_shot["id"])["custom_attributes"]["due"]
        assert read.isoformat() == "2026-03-04T05:06:00+00:00"
        late = "Shot where custom_attributes any (key is 'due' and value > '2026-03-04') and id is "
        assert session.query(f"{late}{project_shot['id']}").all() == [project_shot]
    finally:
        session.delete(due)
        session.commit()
