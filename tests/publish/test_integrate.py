"""Entities that disappear from the server between validation and registration."""

from fractions import Fraction
from uuid import uuid5

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import ReviewSessionClosed, StorageError, TaskNotFound
from ft_dcc.production import review_sessions
from ft_dcc.publish.jobs.queue import process_queue, queue_items
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher
from ft_dcc.publish.slots import COMPONENTS
from ft_dcc.session import operations


@pytest.fixture
def publish_while(session, task_path, paint, jobs):
    def publishing(happens):
        def on_progress(progress):
            if (progress.step, progress.done) == ("upload thumbnail", progress.total):
                happens()

        request = PublishRequest(task_path, paint("1-3").pattern, review="Dailies", fps=Fraction(24))
        return Publisher(session, None, on_progress, jobs).publish(request)

    return publishing


def test_deleted_task_is_reported_with_the_path_of_the_movie(session, task, publish_while, jobs):
    def delete():
        session.call([operations.delete("Task", task["id"])])

    with pytest.raises(TaskNotFound, match=r"does not exist on .* any more\. Publish .* to another task") as caught:
        publish_while(delete)
    (item,) = queue_items(jobs)
    assert str(caught.value).endswith(f"then remove this job: ft-dcc queue drop {item.job.id}.")
    assert str(item.job.folder / "1" / "ftrackreview-mp4.mp4") in str(caught.value)
    assert (item.state, list(process_queue(Publisher(session, None, None, jobs)))) == ("failed", [])
    (result,) = process_queue(Publisher(session, None, None, jobs), retry_failed=True)
    assert isinstance(result.error, TaskNotFound)


def test_files_lost_by_a_restored_server_are_uploaded_again(session, task, publish_while, jobs):
    """Close the review session before the transaction, then restore a backup without the movies."""
    review_id = str(uuid5(review_sessions.NAMESPACE, f"{task['project_id']}/Dailies"))
    session.call([review_sessions.create_session_op(review_id, task["project_id"], "Dailies")])
    dailies = review_sessions.get_review_session(session, review_id)
    with pytest.raises(ReviewSessionClosed, match=r"Dailies is closed.*queue resume"):
        publish_while(lambda: review_sessions.close(session, dailies))
    (item,) = queue_items(jobs)
    assert [problem.partition(".")[0] for problem in item.problems] == ["The review session Dailies is closed"]
    review_sessions.reopen(session, dailies)
    sets = [values for event in item.job.journal.events() for values in event.get("sets", {}).values()]
    (sent,) = [values[COMPONENTS.key] for values in sets if COMPONENTS.key in values]
    session.call([operations.delete("FileComponent", component.id) for component in sent])
    (result,) = process_queue(Publisher(session, None, None, jobs), retry_failed=True)
    assert (result.is_done, result.published.first.version) == (True, 1)
    assert requests.get(result.published.first.link.partition("#")[0], timeout=TIMEOUT_SECONDS).status_code == 200
    assert [(item.state, item.problems) for item in queue_items(jobs)] == [("done", ())]


def test_resume_is_not_suggested_for_a_deleted_job_folder(task, publish_while, jobs, tmp_path):
    with pytest.raises(StorageError) as caught:
        publish_while(lambda: jobs.rename(tmp_path / "elsewhere"))
    assert "Afterwards" not in str(caught.value)
