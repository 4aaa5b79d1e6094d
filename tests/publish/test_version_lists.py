"""Versions in lists of the project, and versions of a shot without a task."""

from fractions import Fraction
from uuid import uuid4

import pytest

from ft_dcc.errors import TaskNotFound, UserFixableError
from ft_dcc.production import version_lists
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher


def lists_of(session, version_id):
    version = session.query(f"select lists.id, lists.name from AssetVersion where id is '{version_id}'").one()
    return {each["name"]: each["id"] for each in version["lists"]}


def test_a_version_is_added_to_lists_that_are_created_once(session, task, task_path, jobs, paint, monkeypatch):
    """Two publishes find no list, and both create it."""
    pattern, publisher = paint("1001-1002").pattern, Publisher(session, jobs=jobs)
    client = {"name": "Client", "project_id": task["project_id"]}
    session.create("AssetVersionList", {**client, "category": session.query("ListCategory").first()})
    session.commit()
    requests = [
        PublishRequest(task_path, pattern, fps=Fraction(24), lists=("{shot} selects", "Client"), asset=f"a{n}")
        for n in range(2)
    ]
    checks = [publisher.validate(request) for request in requests]
    first = lists_of(session, checks[0].publish().first.version_id)
    find_open, unseen = version_lists.find_open, [None]
    monkeypatch.setattr(version_lists, "find_open", lambda *args: unseen.pop() if unseen else find_open(*args))
    assert lists_of(session, checks[1].publish().first.version_id) == first
    assert (set(first), unseen) == ({"SH010 selects", "Client"}, [])
    again = publisher.publish(PublishRequest(task_path, pattern, fps=Fraction(24), lists=first["Client"]))
    assert lists_of(session, again.first.version_id) == {"Client": first["Client"]}


def test_a_closed_list_and_an_unknown_id_are_named_before_the_capture(session, host, task, task_path, jobs):
    category, list_id = session.query("select id from ListCategory").first()["id"], str(uuid4())
    session.create(
        "AssetVersionList", {"name": "Old", "project_id": task["project_id"], "category_id": category, "is_open": False}
    )
    session.commit()
    publisher = Publisher(session, host, jobs=jobs)
    for name, message in (("Old", "The list Old is closed. Open it"), (list_id, "no list of versions .*Give another")):
        with pytest.raises(UserFixableError, match=message):
            publisher.publish(PublishRequest(task_path, lists=name))
    assert host.captures == 0


def test_a_version_of_a_shot_or_an_asset_has_no_task(session, host, task, task_path, jobs):
    shot, publisher = task_path.rpartition("/")[0], Publisher(session, host, jobs=jobs)
    request = PublishRequest(shot, review="Dailies {shot}", task_status="Completed", notify=False)
    select = "select task_id, asset.name, asset.context_id from AssetVersion where id is"
    for wanted in (request, PublishRequest(task["parent_id"], asset="{shot} {source}")):
        version = session.query(f"{select} '{publisher.publish(wanted).first.version_id}'").one()
        assert (version["task_id"], version["asset"]["context_id"]) == (None, task["parent_id"])
    assert version["asset"]["name"] == "SH010 bars"
    parts = {"parent_id": task["project_id"], "project_id": task["project_id"], "type": session.query("Type").first()}
    robot = session.create("AssetBuild", {"name": "robot", **parts})
    session.commit()
    published = publisher.publish(PublishRequest(f"{task_path.partition('/')[0]}/robot", asset="model")).first
    version = session.query(f"{select} '{published.version_id}'").one()
    assert (version["task_id"], version["asset"]["context_id"]) == (None, robot["id"])
    assert (
        session.query(f"select status.name from Task where id is '{task['id']}'").one()["status"]["name"] != "Completed"
    )
    with pytest.raises(UserFixableError, match=r"'\{task\}' gives the asset no name, since .*/SH010 is no task"):
        publisher.publish(PublishRequest(shot, asset="{task}"))
    with pytest.raises(TaskNotFound, match="There is no task"):
        publisher.publish(PublishRequest(f"{shot}/Lighting"))
