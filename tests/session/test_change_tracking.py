from __future__ import annotations

import logging
import threading

from ft_dcc.session.changes.change_tracking import ThreadRegistry, ThreadState
from ft_dcc.session.operations import DeleteEntityOperation, Operations, UpdateEntityOperation

DELETE = DeleteEntityOperation("Task", {"id": "1"})


def test_each_thread_has_its_own_operations_and_switches():
    recording = ThreadState(True, ThreadRegistry())
    recording.operations.push(DELETE)
    recording.auto_populate = False
    seen = []

    def look():
        seen.append((len(recording.operations), recording.auto_populate))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(0, True)]


def test_changes_that_were_never_committed_are_reported_when_the_session_goes(caplog):
    sessions = [ThreadState(True, ThreadRegistry())]
    thread = threading.Thread(target=lambda: sessions[0].operations.push(DELETE))
    with caplog.at_level(logging.WARNING):
        thread.start()
        thread.join()
        assert not caplog.text
        sessions.clear()
    assert "1 changes of threads that ended were never committed." in caplog.text


def test_merged_operations_keep_the_order_in_which_they_were_made():
    changes = [UpdateEntityOperation("Task", {"id": "1"}, "name", None, str(number)) for number in range(4)]
    stacks = Operations(), Operations()
    for number, change in enumerate(changes):
        stacks[number % 2].push(change)
    stacks[1].merge(stacks[0])
    assert (list(stacks[0]), list(stacks[1])) == ([], changes)


def test_removed_operations_leave_those_that_were_added_later():
    stack = Operations()
    stack.push(DELETE)
    sent = list(stack)
    later = DeleteEntityOperation("Task", {"id": "1"})
    stack.push(later)
    stack.remove(sent)
    assert [each is later for each in stack] == [True]


def test_rollback_reverts_an_assignment_that_was_not_recorded(session, project):
    name = project["full_name"]
    with session.operation_recording(False):
        project["full_name"] = "changed"
    assert not session.recorded_operations
    session.rollback()
    assert project["full_name"] == name
