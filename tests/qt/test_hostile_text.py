"""Names, notes and statuses with markup, control characters and marks of direction, on every page of the dialog."""

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars
from doubles.hostile_names import NAME, NOTE, make_hostile_task, misuses

from ft_dcc.errors import ValidationIssue


@pytest.fixture
def studio_server(start_server):
    return start_server().credentials


@pytest.fixture
def task(session):
    return make_hostile_task(session)


def test_hostile_names_and_notes_are_plain_text_on_every_page(open_dialog, wait_until, settle, press, task):
    host = ColourBars(attrs.evolve(SCENE, task_id=task["id"]))
    dialog = open_dialog(host)
    page, controller = dialog.publish_page, dialog.controller
    wait_until(lambda: page.addressed.rows.count() == 1, host)
    for field in (page.task, page.review, page.own.task):
        field.open()
    assert misuses(dialog) == []
    for field in (page.task, page.review, page.own.task):
        field.close_list()
    press(page.publish)
    wait_until(lambda: page.result.isVisible(), host)
    for name in dialog.tabs:
        dialog.open_page(name)
        dialog.resize(430, 700)
        settle(dialog, host)
        assert (misuses(dialog), dialog.width()) == ([], 430)
        if name == "tasks":
            wait_until(lambda: dialog.controller.my_tasks.value, host)
            dialog.refresh()
            settle(dialog, host)
            assert dialog._pages[name].rows.horizontalScrollBar().maximum() == 0
    problem = ValidationIssue(NAME, NAME, NOTE, repair=NAME)
    controller.problems, controller._pending_checks = (problem, problem._replace(check="Two")), [None]
    controller.error = controller.queries.error = controller.feedback.error = controller.feedback.message = NOTE
    for name in dialog.tabs:
        dialog._page = name
        dialog.refresh()
        assert misuses(dialog) == []
    controller._pending_checks = []
