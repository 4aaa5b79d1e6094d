"""Open notes of the last version are listed before a publish, and never prevent it."""

from fractions import Fraction
from uuid import uuid4

import pytest

from ft_dcc.errors import Cancelled, ServerUnreachable
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.preparation import prepare
from ft_dcc.publish.publisher import Publisher
from ft_dcc.review import feedback
from ft_dcc.session import operations


@pytest.fixture
def request_of(task_path, task, paint):
    pattern = paint("1-3").pattern
    return lambda **values: PublishRequest(task_path, pattern, fps=Fraction(24), **values)


@pytest.fixture
def note_id(session, request_of, jobs):
    published = Publisher(session, jobs=jobs).publish(request_of(note="Look at the arm"))
    note = {"id": str(uuid4()), "content": "Arm too high", "parent_type": "AssetVersion"}
    session.call([operations.create("Note", {**note, "parent_id": published.first.version_id})])
    return note["id"]


def test_check_lists_open_notes_that_the_publish_does_not_address(session, request_of, jobs, note_id):
    check = Publisher(session, jobs=jobs).validate(request_of())
    assert [(version.number, note.text) for version, note in check.find_open_notes()] == [(1, "Arm too high")]
    assert (check.problems, check.publish().first.version) == ((), 2)


def test_check_lists_no_note_that_the_publish_addresses(session, request_of, jobs, note_id):
    check = Publisher(session, jobs=jobs).validate(request_of(addresses=(note_id[:8],)))
    assert check.find_open_notes() == []
    check.discard()


def test_server_that_does_not_answer_lists_no_notes(session, request_of, jobs, note_id, monkeypatch):
    check = Publisher(session, jobs=jobs).validate(request_of())

    def fail(error):
        def find(*arguments):
            raise error

        monkeypatch.setattr(feedback, "unanswered_notes_of_task", find)

    fail(ServerUnreachable("The server does not answer."))
    assert check.find_open_notes() == []
    fail(Cancelled("Cancelled."))
    with pytest.raises(Cancelled):
        check.find_open_notes()
    check.discard()


def test_reminder_of_the_command_line_does_not_swallow_a_cancel(session, request_of, jobs, note_id, monkeypatch):
    from ft_dcc.cli.notes import find_open_notes

    job = prepare(request_of(), session.server_url, None, jobs)
    assert find_open_notes(session, job.request(), None)

    def cancel(*arguments):
        raise Cancelled("Cancelled.")

    monkeypatch.setattr(feedback, "unanswered_notes_of_task", cancel)
    with pytest.raises(Cancelled):
        find_open_notes(session, job.request(), None)
