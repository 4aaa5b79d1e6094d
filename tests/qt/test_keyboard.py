"""Whoever has no mouse, or does not want it."""

from __future__ import annotations

import pytest


@pytest.fixture
def type_key(app):
    """Press a key where the focus is: ``type_key("Return")``, ``type_key("P", "Alt")``."""
    from Qt import QtCore, QtTest

    def press(name, modifier="No"):
        key = getattr(QtCore.Qt.Key, f"Key_{name}")
        held = getattr(QtCore.Qt.KeyboardModifier, f"{modifier}Modifier")
        widget = app.focusWidget() or app.activeWindow()
        QtTest.QTest.keyClick(widget, key, held)
        app.processEvents()

    return press


@pytest.fixture
def write(app):
    from Qt import QtTest

    def keys(text):
        QtTest.QTest.keyClicks(app.focusWidget(), text)

    return keys


@pytest.fixture
def ready(open_dialog, choose, render, task_path):
    """The dialog, with frames and a task chosen."""
    dialog = open_dialog()
    dialog.publish_page.add_files([render])
    choose(dialog, task_path)
    return dialog


def test_a_publish_needs_no_mouse(app, open_dialog, live, type_key, write, render, task_path):
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([render])
    type_key("S", "Alt")
    assert app.focusWidget() is page.sources
    type_key("T", "Alt")
    assert app.focusWidget() is page.task
    write(task_path.partition("/")[0])
    live(lambda: task_path in [text for _, text in page.task.choices])
    type_key("Down")
    type_key("Return")
    assert page.task.text() == task_path and not dialog.desk.is_busy
    type_key("V", "Alt")
    write("Monday")
    type_key("C", "Alt")
    write("Second pass")
    type_key("Return", "Control")
    live(page.outcome.isVisible)
    assert app.focusWidget() is page.outcome.open


def test_the_window_opens_ready_to_publish(app, open_dialog):
    dialog = open_dialog()
    assert app.focusWidget() is dialog.publish_page.publish


def test_enter_in_a_field_publishes_and_escape_closes(ready, live, type_key):
    page = ready.publish_page
    page.frames.setFocus()
    type_key("Return")
    live(page.outcome.isVisible)
    type_key("Escape")
    assert not ready.isVisible()


def test_enter_is_for_publishing_also_after_another_button_had_the_focus(ready, live, type_key):
    page = ready.publish_page
    page.add.setFocus()
    page.frames.setFocus()
    type_key("Return")
    live(page.outcome.isVisible)


def test_enter_in_the_list_of_versions_opens_one_and_publishes_nothing(ready, live, type_key, monkeypatch):
    opened = []
    monkeypatch.setattr("ft_dcc_qt.past_list.open_link", opened.append)
    page = ready.publish_page
    page.frames.setFocus()
    type_key("Return")
    live(lambda: page.past.rows.count() == 1)
    page.past.rows.setFocus()
    page.past.rows.setCurrentRow(0)
    type_key("Return")
    assert opened == [page.outcome.link] and not ready.desk.is_busy


def test_enter_after_the_publish_opens_the_review(ready, live, type_key, monkeypatch):
    opened = []
    monkeypatch.setattr("ft_dcc_qt.outcome_panel.open_link", opened.append)
    page = ready.publish_page
    page.frames.setFocus()
    type_key("Return")
    live(page.outcome.isVisible)
    type_key("Return")
    assert opened == [page.outcome.link] and not ready.desk.is_busy


def test_escape_leaves_the_list_of_tasks_before_it_leaves_the_window(open_dialog, choose, type_key, write, task_path):
    dialog = open_dialog()
    choose(dialog, task_path)
    field = dialog.publish_page.task
    field.selectAll()
    write("something else")
    assert field.is_open
    type_key("Escape")
    assert not field.is_open and dialog.isVisible() and field.text() == task_path


def test_tab_goes_through_every_field_in_the_order_that_one_reads(app, open_dialog, type_key):
    dialog = open_dialog()
    page = dialog.publish_page
    page.sources.setFocus()
    order = []
    for _ in range(6):
        type_key("Tab")
        order.append(app.focusWidget())
    assert order == [page.add, page.task, page.frames, page.rate, page.review, page.comment]


def test_alt_and_a_number_lead_to_each_page(open_dialog, type_key, live):
    dialog = open_dialog()
    pages = [dialog.publish_page, dialog.reviews_page, dialog.queue_page, dialog.settings_page, dialog.about_page]
    for number, page in enumerate(pages, start=1):
        type_key(str(number), "Alt")
        # A button that is pressed by its key is seen to go down first.
        live(lambda page=page: dialog.stack.currentWidget() is page)
