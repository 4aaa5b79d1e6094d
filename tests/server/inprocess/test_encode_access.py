"""A project that is closed to a user while a job of the user runs is closed to the job as well."""

import re
import threading
from types import SimpleNamespace
from uuid import uuid4

import attrs
import pytest
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.server.auth import api_keys
from ft_dcc.server.auth.permissions import permissions_of
from ft_dcc.server.encoding import queue
from ft_dcc.server.encoding.job import EncodedOutput
from ft_dcc.server.encoding.worker import EncodeWorker
from ft_dcc.server.identity import Caller
from ft_dcc.server.work.budgets import Owner
from ft_dcc.server.work.queue import Work

# Takes the client and what `make_job` returns.


def make_job(client, *, is_open=False, user=None):
    """Create a version in a project, and a user with a role in it whose job encodes a movie for it."""
    project = client.create("Project", name=uuid4().hex)
    version = client.create("AssetVersion", asset_id=client.create("Asset", name="film", context_id=project))
    user = user or client.create("User", username=uuid4().hex, is_active=True)
    (held,) = client.query(f"UserSecurityRole where user_id is {user}")
    if not is_open:
        client.update("UserSecurityRole", held["id"], is_all_open_projects=False)
        client.create("UserSecurityRoleProject", user_security_role_id=held["id"], project_id=project)
    somebody = attrs.evolve(client, caller=Caller(user, "somebody"))
    source = somebody.create("FileComponent", name="film", file_type=".mov")
    client.store(source)
    somebody.update("FileComponent", source, version_id=version)
    (answer,) = somebody.call({"action": "encode_media", "component_id": source, "version_id": version})
    ids = {"project": project, "version": version, "source": source, "held": held["id"], "job": answer["job_id"]}
    return SimpleNamespace(**ids, user=somebody)


def make_private(client, running):
    client.update("Project", running.project, is_private=True)


def remove_role(client, running):
    client.delete("UserSecurityRole", running.held)


def remove_project_of_role(client, running):
    for found in client.query(f"UserSecurityRoleProject where user_security_role_id is {running.held}"):
        client.delete("UserSecurityRoleProject", found["id"])


def make_reviewer(client, running):
    role = client.query('SecurityRole where name is "Reviewer"')[0]["id"]
    client.update("UserSecurityRole", running.held, security_role_id=role)


def deactivate(client, running):
    client.update("User", running.user.caller.id, is_active=False)


def revoke_key(client, running):
    client.studio.store.write(lambda connection: api_keys.revoke_keys(connection, running.user.caller.id))


class ClosingWorker(EncodeWorker):
    """A worker that writes small files instead of encoding, during which the project is closed."""

    close: object = staticmethod(lambda: None)

    def run_all(self):
        with self._context.store.reading() as connection:
            waiting = queue.waiting_jobs(connection)
        for job_id, user_id in waiting:
            self._run(job_id, Work("encode", Owner(user_id), lambda _work: None, TIMEOUT_SECONDS, self._context.folder))

    def _encode(self, job, folder, work):
        job.begin()
        self.close()
        outputs = []
        for name, suffix in ((queue.MOVIE, "mp4"), (queue.THUMBNAIL, "jpg")):
            path = folder / f"{name}.{suffix}"
            path.write_bytes(b"output")
            outputs.append(EncodedOutput(path, name, 64, 64, "24", 2))
        return outputs


def check_failed(client, running, before, reason):
    """Check that a job has failed, that nothing was added to the version, and that no file of the job is left."""
    (job,) = client.query(f"select status, data from Job where id is {running.job}")
    assert job["status"] == "failed"
    assert re.search(reason, job["data"])
    (version,) = client.query(f"select thumbnail_id from AssetVersion where id is {running.version}")
    assert version["thumbnail_id"] is None
    outputs = [found["id"] for found in before if found["id"] != running.source]
    assert outputs and client.query(f"Component where id in ({', '.join(outputs)})") == []
    assert not any(client.studio.media.exists(output) for output in outputs)


@pytest.mark.parametrize(
    ("close", "is_open"),
    [(make_private, True), (remove_role, False), (remove_project_of_role, False), (make_reviewer, False)],
)
def test_a_job_ends_when_its_project_is_closed_to_its_user(client, monkeypatch, close, is_open):
    running = make_job(client, is_open=is_open)
    studio, told = client.studio, []
    before = client.query(f"select id from Component where version_id is {running.version}")

    def publish(topic, data, caller, redact):
        with studio.store.reading() as connection:
            permissions = permissions_of(connection, studio.store.tables, running.user.caller.id)
        told.append(redact(data, permissions, running.user.caller.id))

    def close_project() -> None:
        close(client, running)
        # From here on, with all changes published as to a client that is connected.
        monkeypatch.setattr(studio.events, "publish", publish)
        monkeypatch.setattr(type(studio.events), "needs_changes", property(lambda hub: True))

    worker = ClosingWorker(studio, client.dispatcher.answer)
    monkeypatch.setattr(worker, "close", close_project)
    worker.run_all()
    check_failed(client, running, before, "cannot access|Reviewer")
    # The user learns the end of the job, and nothing about entities of the project.
    entities = [entity for data in told if data for entity in data["entities"]]
    assert {entity["entityId"] for entity in entities if entity["entity_type"] == "Job"} == {running.job}
    if close is not make_reviewer:
        assert {entity["entity_type"] for entity in entities} <= {"Job"}
        with pytest.raises(IndexError):
            running.user.query(f"AssetVersion where id is {running.version}")[0]
    assert running.user.query(f"Job where id is {running.job}")


@pytest.mark.parametrize(
    ("end", "is_administrator", "when"),
    [
        (deactivate, False, "while it waits"),
        (deactivate, True, "while it runs"),
        (revoke_key, True, "while it waits"),
        (revoke_key, False, "while it runs"),
    ],
)
def test_a_job_ends_when_its_user_is_deactivated_or_a_key_revoked(client, monkeypatch, end, is_administrator, when):
    running = make_job(client, is_open=True)
    if is_administrator:
        role = client.query('SecurityRole where name is "Administrator"')[0]["id"]
        client.update("UserSecurityRole", running.held, security_role_id=role)
    client.studio.store.write(lambda connection: api_keys.issue_key(connection, running.user.caller.id))
    before = client.query(f"select id from Component where version_id is {running.version}")
    worker = ClosingWorker(client.studio, client.dispatcher.answer)
    if when == "while it waits":
        end(client, running)
    else:
        monkeypatch.setattr(worker, "close", lambda: end(client, running))
    worker.run_all()
    check_failed(client, running, before, "was deactivated or has lost a key")


def test_a_key_that_was_revoked_before_the_job_does_not_end_it(client):
    user = client.create("User", username=uuid4().hex, is_active=True)
    client.studio.store.write(lambda connection: api_keys.issue_key(connection, user))
    client.studio.store.write(lambda connection: api_keys.revoke_keys(connection, user))
    running = make_job(client, user=user)
    ClosingWorker(client.studio, client.dispatcher.answer).run_all()
    assert client.query(f"select status from Job where id is {running.job}")[0]["status"] == "done"
    (version,) = client.query(f"select thumbnail_id from AssetVersion where id is {running.version}")
    assert version["thumbnail_id"] is not None


def test_many_jobs_of_one_user_leave_turns_for_others(client):
    many, order, is_open = make_job(client), [], threading.Event()
    encode = {"action": "encode_media", "component_id": many.source, "version_id": many.version}
    jobs = [many.job, *(answer["job_id"] for answer in many.user.call(*[encode] * 3))]
    others = [make_job(client).job for _ in range(2)]

    class RecordingWorker(EncodeWorker):
        """A worker that records the order of jobs."""

        def _run(self, job_id: str, work: Work) -> None:
            is_open.wait(TIMEOUT_SECONDS)
            order.append(job_id)

    RecordingWorker(client.studio, client.dispatcher.answer).submit()
    is_open.set()
    wait_until(lambda: len(order) == 6, "all jobs")
    assert order == [jobs[0], *others, *jobs[1:]]
