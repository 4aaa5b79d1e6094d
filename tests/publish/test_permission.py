"""Who may not publish hears it before anything is captured."""

from __future__ import annotations

import uuid

import pytest

from ft_dcc.errors import PermissionDeniedError
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import publish
from ft_dcc.server.owner import owner_of
from ft_dcc.session import Session


@pytest.fixture
def ida(server_process):
    """``ida("Reviewer", "Film")`` gives a user this role there, as ``ft-dcc studio user`` does; ``ida.session()``."""
    return Ida(server_process)


class Ida:
    def __init__(self, server):
        self.server, self.name = server, f"ida{uuid.uuid4().hex[:8]}"

    def __call__(self, role, *projects):
        with owner_of(self.server.data) as owner:
            owner.run("user", name=self.name, role=role, projects=list(projects))

    def session(self):
        with owner_of(self.server.data) as owner:
            made = owner.run("key", user=self.name)
        return Session(self.server.url, made["FTRACK_API_KEY"], made["FTRACK_API_USER"])


def test_a_reviewer_is_refused_before_anything_is_captured(session, ida, host, task, task_path, jobs):
    ida("Reviewer")
    with ida.session() as theirs:
        with pytest.raises(PermissionDeniedError) as caught:
            publish(PublishRequest(task=task_path, review="Dailies"), theirs, host, jobs=jobs)
        said = str(caught.value)
        assert f"{ida.name} may not create Asset, AssetVersion, FileComponent, ReviewSessionObject on" in said
        assert task_path.split("/")[0] in said
        assert host.captures == 0
        shot = theirs.get("Shot", task["parent_id"])
        shot.create_note("Lights are too low.", theirs.query(f"User where username is {ida.name}").one())
        theirs.commit()
        assert session.query(f"Note where parent_id is {shot['id']}").one()["content"] == "Lights are too low."
        shot["description"] = "mine"
        with pytest.raises(PermissionDeniedError, match="A Reviewer writes notes, and no Shot"):
            theirs.commit()
        theirs.rollback()
        ida("User")
        published = publish(PublishRequest(task=task_path, review="Dailies"), theirs, host, jobs=jobs)
    assert (host.captures, len(published.versions)) == (1, 1)


def test_who_works_on_another_project_is_refused_as_well(session, ida, host, task, task_path, jobs):
    own = session.create("Project", {"name": f"own{uuid.uuid4().hex[:8]}"})
    session.commit()
    ida("User", own["name"])
    user = session.query(f"User where username is {ida.name}").one()
    role = session.query("SecurityRole where name is Reviewer").one()
    given = {"user_id": user["id"], "role_id": role["id"]}
    session.call(
        [
            {"action": "add_user_security_role", **given},
            {"action": "grant_user_security_role_project", **given, "project_id": task["project_id"]},
        ]
    )
    with (
        ida.session() as theirs,
        pytest.raises(PermissionDeniedError, match="create Asset, AssetVersion on"),
    ):
        publish(PublishRequest(task=task_path), theirs, host, jobs=jobs)
    assert host.captures == 0
