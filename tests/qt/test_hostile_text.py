"""Names, notes and statuses with markup, control characters and marks of direction, on every page of the dialog."""

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars
from doubles.hostile_names import INVISIBLE, NAME, NOTE, make_hostile_task

from ft_dcc.errors import ValidationIssue


@pytest.fixture
def studio_server(start_server):
    return start_server().credentials


@pytest.fixture
def task(session):
    return make_hostile_task(session)


def shown_texts(dialog):
    """Yield all texts that the widgets of the dialog show, with the widget."""
    from Qt import QtCore, QtWidgets

    roles = QtCore.Qt.ItemDataRole
    for widget in (dialog, *dialog.findChildren(QtWidgets.QWidget)):
        for name in ("text", "placeholderText", "toPlainText", "windowTitle"):
            read = getattr(widget, name, None)
            yield widget, name, str(read() or "") if callable(read) else ""
        yield widget, "toolTip", widget.toolTip()
        for action in widget.actions():
            yield widget, "action", action.text()
        model = widget.model() if isinstance(widget, (QtWidgets.QAbstractItemView, QtWidgets.QComboBox)) else None
        places = [QtCore.QModelIndex()] if model is not None else []
        for place in places:
            for row in range(model.rowCount(place)):
                for column in range(5):
                    index = model.index(row, column, place)
                    yield widget, "item", str(index.data(roles.DisplayRole) or "")
                    yield widget, "toolTip", str(index.data(roles.ToolTipRole) or "")
                places.append(model.index(row, 0, place))


def misuses(dialog):
    """Return each text that is not plain, with the kind of its widget."""
    from Qt import QtCore, QtWidgets

    found = []
    for widget, kind, text in shown_texts(dialog):
        has_key = kind == "action" or isinstance(widget, QtWidgets.QAbstractButton)
        is_label = isinstance(widget, QtWidgets.QLabel)
        if (
            INVISIBLE.search(text)
            or "\nnext line" in text
            or (kind == "toolTip" and ("<img" in text or "<b>" in text))
            or (has_key and "&File" in text.replace("&&", ""))
            or (is_label and "File" in text and widget.textFormat() != QtCore.Qt.TextFormat.PlainText)
        ):
            found.append((type(widget).__name__, kind, text[:150]))
    return found


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
