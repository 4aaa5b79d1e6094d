"""What a server loses between the judging of a publish and its end."""

from __future__ import annotations

from fractions import Fraction

import pytest
import requests

from ft_dcc import review, review_sessions
from ft_dcc.errors import DiskUnusable, ReviewSessionClosed, TaskNotFound
from ft_dcc.publish.queue import entries, work_through
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import Publisher
from ft_dcc.publish.slots import COMPONENTS
from ft_dcc.session import operations


@pytest.fixture
def publish_while(session, task_path, paint, jobs):
    """Publish frames, and have something done when the thumbnail is on its way."""

    def publishing(happens):
        def on_progress(progress):
            if (progress.step, progress.done) == ("upload thumbnail", progress.total):
                happens()

        request = PublishRequest(task_path, paint("1-3").pattern, review="Dailies", fps=Fraction(24))
        return Publisher(session, None, on_progress, jobs).publish(request)

    return publishing


def test_a_task_that_was_deleted_is_named_with_the_film_that_remains(session, task, publish_while, jobs):
    def delete():
        session.call([operations.delete("Task", task["id"])])

    with pytest.raises(TaskNotFound, match=r"is not on .* any more\. Publish .* to another one") as caught:
        publish_while(delete)
    (entry,) = entries(jobs)
    assert str(caught.value).endswith(f"then give this up: ft-dcc queue drop {entry.job.id}.")
    assert str(entry.job.folder / "1" / "ftrackreview-mp4.mp4") in str(caught.value)
    (outcome,) = work_through(Publisher(session, None, None, jobs))
    assert isinstance(outcome.error, TaskNotFound)


def test_what_a_restored_server_has_lost_is_sent_again_and_no_old_problem_is_told(session, task, publish_while, jobs):
    """The batch is refused by a review session that was closed; then a backup without the films is put back."""
    review_id = review.identify(session, task["project_id"], "Dailies")
    session.call([review.opening(review_id, task["project_id"], "Dailies")])
    dailies = review_sessions.need_review(session, review_id)
    with pytest.raises(ReviewSessionClosed, match=r"Dailies is closed.*queue resume"):
        publish_while(lambda: review_sessions.close(session, dailies))
    (entry,) = entries(jobs)
    assert [problem.partition(".")[0] for problem in entry.problems] == ["The review session Dailies is closed"]
    review_sessions.open_again(session, dailies)
    sets = [values for event in entry.job.journal.events() for values in event.get("sets", {}).values()]
    (sent,) = [values[COMPONENTS.key] for values in sets if COMPONENTS.key in values]
    session.call([operations.delete("FileComponent", component.id) for component in sent])
    (outcome,) = work_through(Publisher(session, None, None, jobs))
    assert (outcome.is_done, outcome.published.first.version) == (True, 1)
    assert requests.get(outcome.published.first.link.partition("#")[0], timeout=30).status_code == 200
    assert [(entry.state, entry.problems) for entry in entries(jobs)] == [("done", ())]


def test_nobody_is_told_to_go_on_with_a_job_whose_folder_is_gone(task, publish_while, jobs, tmp_path):
    with pytest.raises(DiskUnusable) as caught:
        publish_while(lambda: jobs.rename(tmp_path / "elsewhere"))
    assert "Nothing is lost" not in str(caught.value)
