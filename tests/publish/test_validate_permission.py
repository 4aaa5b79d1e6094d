"""Missing permissions are reported before the capture."""

import uuid
from fractions import Fraction

import pytest

from ft_dcc.errors import PermissionDeniedError
from ft_dcc.production.stored_files import OK, read_versions, verify
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.server.admin.service import open_admin
from ft_dcc.session import Session


@pytest.fixture
def ida(server_process):
    """Give a user a role in a project, like ``ft-dcc studio user``: ``ida("Reviewer", "Film")``; ``ida.session()``."""
    return Ida(server_process)


class Ida:
    def __init__(self, server):
        self.server, self.name = server, f"ida{uuid.uuid4().hex[:8]}"

    def __call__(self, role, *projects):
        with open_admin(self.server.data) as owner:
            owner.run("user", name=self.name, role=role, projects=list(projects))

    def session(self):
        with open_admin(self.server.data) as owner:
            made = owner.run("key", user=self.name)
        return Session(self.server.url, made["FTRACK_API_KEY"], made["FTRACK_API_USER"])


def test_user_without_permission_is_rejected_before_the_capture(session, ida, host, task, task_path, jobs):
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
        with pytest.raises(PermissionDeniedError, match=r"A Reviewer may write notes only, .* not a Shot"):
            theirs.commit()
        theirs.rollback()
        ida("User")
        published = publish(PublishRequest(task=task_path, review="Dailies"), theirs, host, jobs=jobs)
    assert (host.captures, len(published.versions)) == (1, 1)


@pytest.mark.parametrize("how", ["register", "copy"])
def test_user_with_a_role_publishes_frames_and_their_movie_on_disk(
    session, ida, storage, paint, task, task_path, jobs, how
):
    ida("User", task_path.split("/")[0])
    request = PublishRequest(
        task_path, paint("1001-1002").pattern, fps=Fraction(24), source_files=how, movie_path="{version}.mp4"
    )
    with ida.session() as theirs:
        theirs.server_information["storage_scenario"] = session.server_information["storage_scenario"]
        theirs.reset()
        (found,) = read_versions(theirs, [publish(request, theirs, jobs=jobs).first.version_id])
    assert [(part.name, len(part.files)) for part in found.components] == [("main", 2), ("movie", 1)]
    assert {state for _, _, state in verify(found)} == {OK}


def test_permission_in_another_project_is_not_sufficient(session, ida, host, task, task_path, jobs):
    own = session.create("Project", {"name": f"own{uuid.uuid4().hex[:8]}"})
    session.commit()
    ida("User", own["name"])
    user = session.query(f"User where username is {ida.name}").one()
    given = {"user_id": user["id"], "role_id": session.query("SecurityRole where name is Reviewer").one()["id"]}
    session.call(
        [
            {"action": "add_user_security_role", **given},
            {"action": "grant_user_security_role_project", **given, "project_id": task["project_id"]},
        ]
    )
    with ida.session() as theirs, pytest.raises(PermissionDeniedError, match="create Asset, AssetVersion on"):
        publish(PublishRequest(task=task_path), theirs, host, jobs=jobs)
    assert host.captures == 0
