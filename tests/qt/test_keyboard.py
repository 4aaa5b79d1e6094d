"""The dialog without a mouse."""

import pytest


@pytest.fixture
def type_key(app):
    """Return a function that presses a key: ``type_key("Return")``, ``type_key("P", "Alt")``."""
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
    dialog = open_dialog()
    dialog.publish_page.add_files([render])
    choose(dialog, task_path)
    return dialog


@pytest.mark.parametrize(
    ("name", "modifier"),
    [("S", "No"), ("W", "No"), ("Delete", "No"), ("Shift", "No"), ("Space", "No"), ("Z", "Control"), ("F", "No")],
)
def test_a_key_typed_in_the_dialog_is_not_passed_on_to_the_host(app, ready, name, modifier):
    from Qt import QtCore, QtGui

    # In a host the dialog's parent is the main window, which gets what the dialog ignores.
    key, held = getattr(QtCore.Qt.Key, f"Key_{name}"), getattr(QtCore.Qt.KeyboardModifier, f"{modifier}Modifier")
    page = ready.publish_page
    kinds = QtCore.QEvent.Type
    for widget in (page.sources, page.comment, page.frames, ready.tabs["about"], ready):
        for kind in (kinds.ShortcutOverride, kinds.KeyPress, kinds.KeyRelease):
            event = QtGui.QKeyEvent(kind, key, held, name.lower() if len(name) == 1 else "")
            event.ignore()
            app.sendEvent(widget, event)
            assert event.isAccepted(), (widget, kind)


def test_a_publish_works_with_the_keyboard_alone(app, open_dialog, wait_until, type_key, write, render, task_path):
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([render])
    type_key("S", "Alt")
    assert app.focusWidget() is page.sources
    type_key("T", "Alt")
    assert app.focusWidget() is page.task
    write(task_path.partition("/")[0])
    wait_until(lambda: task_path in [text for _, text in page.task.choices])
    type_key("Down")
    type_key("Return")
    assert page.task.text() == task_path and not dialog.controller.is_busy
    type_key("V", "Alt")
    write("Monday")
    type_key("C", "Alt")
    write("Second pass")
    type_key("Return", "Control")
    wait_until(page.result.isVisible)
    assert page.comment.toPlainText() == ""
    assert app.focusWidget() is page.result.open


def test_the_publish_button_has_the_focus_after_opening(app, open_dialog):
    assert open_dialog().publish_page.publish is app.focusWidget()


def test_enter_in_a_field_publishes_after_a_button_had_the_focus_and_escape_closes_the_window(
    ready, wait_until, type_key
):
    page = ready.publish_page
    page.add.setFocus()
    page.frames.setFocus()
    type_key("Return")
    wait_until(page.result.isVisible)
    type_key("Escape")
    assert not ready.isVisible()


def test_enter_in_the_list_of_versions_opens_the_version(ready, wait_until, type_key, monkeypatch):
    opened = []
    monkeypatch.setattr("ft_dcc_qt.tables.open_link", opened.append)
    page = ready.publish_page
    page.frames.setFocus()
    type_key("Return")
    wait_until(lambda: page.recent.rows.count() == 1)
    page.recent.rows.setFocus()
    page.recent.rows.setCurrentRow(0)
    type_key("Return")
    assert opened == [page.result.link] and not ready.controller.is_busy


def test_escape_closes_the_list_of_tasks_before_the_window(open_dialog, choose, type_key, write, task_path):
    dialog = open_dialog()
    choose(dialog, task_path)
    field = dialog.publish_page.task
    field.selectAll()
    write("something else")
    assert field.is_open
    type_key("Escape")
    assert not field.is_open and dialog.isVisible() and field.text() == task_path


def test_tab_visits_every_field_in_reading_order(app, open_dialog, type_key):
    page = open_dialog().publish_page
    page.add.setFocus()
    order = []
    for _ in range(6):
        type_key("Tab")
        order.append(app.focusWidget())
    assert order == [page.sources, page.task, page.frames, page.rate, page.review, page.comment]


def test_alt_and_a_number_open_each_page(open_dialog, type_key, wait_until):
    dialog = open_dialog()
    for number, page in enumerate([*dialog._pages.values()], start=1):
        type_key(str(number), "Alt")
        # Qt animates a button that is pressed by its shortcut.
        wait_until(lambda page=page: dialog.stack.currentWidget() is page)


def test_a_docked_dialog_is_no_window_and_stays_open_on_escape(app, type_key, monkeypatch, wait_until, close_dialog):
    from doubles.colour_bars import ColourBars
    from ft_dcc_qt import dialog, dock, show
    from Qt import QtWidgets

    monkeypatch.setattr(dialog, "_dialog", None)
    host, panel = ColourBars(), QtWidgets.QWidget()
    column = QtWidgets.QVBoxLayout(panel)
    window = show(host)
    docked = dock(host)
    column.addWidget(docked)
    panel.show()
    docked.show()
    wait_until(lambda: docked.controller.session is not None and not docked.controller.is_busy, host)
    assert docked is window and not docked.isWindow() and docked.isVisible()
    docked.publish_page.comment.setFocus()
    panel.activateWindow()
    type_key("Escape")
    assert docked.isVisible()
    assert show(host, page="about") is docked and not docked.isWindow()
    close_dialog(docked, host)
    panel.close()
