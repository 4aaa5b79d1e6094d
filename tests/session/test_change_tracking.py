from __future__ import annotations

import logging
import threading

from ft_dcc.session.changes.change_tracking import ThreadState
from ft_dcc.session.operations import DeleteEntityOperation


def test_each_thread_has_its_own_operations_and_switches():
    recording = ThreadState(auto_populate=True)
    recording.operations.push(DeleteEntityOperation("Task", {"id": "1"}))
    recording.auto_populate = False
    seen = []

    def look():
        seen.append((len(recording.operations), recording.auto_populate))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(0, True)]


def test_uncommitted_changes_of_an_ended_thread_are_reported(caplog):
    recording = ThreadState(auto_populate=True)
    thread = threading.Thread(
        target=lambda: recording.operations.push(DeleteEntityOperation("Task", {"id": "1"})), name="painter"
    )
    with caplog.at_level(logging.WARNING):
        thread.start()
        thread.join()
    assert "The thread painter ended with 1 uncommitted changes." in caplog.text


def test_rollback_reverts_an_assignment_that_was_not_recorded(session, project):
    name = project["full_name"]
    with session.operation_recording(False):
        project["full_name"] = "changed"
    assert not session.recorded_operations
    session.rollback()
    assert project["full_name"] == name
