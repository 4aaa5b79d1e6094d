"""Names and notes with markup, control characters, marks of direction, line breaks and 10,000 letters."""

import re

from doubles.notes import add_version_to_review, assign, write_note

from ft_dcc.session import operations

CONTROLS = "\x1b[31m\x07\x9b\u061c\u200e\u200f\u202a\u202e\u2066\u2069"
NAME = f'<img src="//host/x"><b>&File{CONTROLS}\nnext line\r' + 500 * "long name " + 5000 * "x"
NOTE = f'<img src="//host/x"><b>&File{CONTROLS}\nsecond line' + 500 * "long note " + 5000 * "x"
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def make_hostile_task(session):
    """Return a task of a project in which all names are hostile, with a version that has such notes."""

    def create(kind, **values):
        (made,) = session.call([operations.create(kind, {"name": NAME, **values})])
        return made["data"]["id"]

    for kind in ("Status", "Type"):
        found = session.query(f"select id, name from {kind}").all()
        names = [{"name": f"{NAME}{each['name']}"} for each in found]
        session.call([operations.update(kind, each["id"], values) for each, values in zip(found, names)])
    user = session.query(f'User where username is "{session.api_user}"').one()["id"]
    session.call([operations.update("User", user, {"first_name": NAME, "last_name": NAME})])
    schema = session.query("select id from ProjectSchema").first()["id"]
    project = create("Project", full_name=NAME, project_schema_id=schema)
    shot = create("Shot", parent_id=project, project_id=project)
    task = session.get("Task", create("Task", parent_id=shot, project_id=project))
    entry = add_version_to_review(session, task)
    session.call(
        [operations.update("Asset", each["id"], {"name": NAME}) for each in session.query("select id from Asset")]
    )
    review = session.query("select id from ReviewSession").one()["id"]
    session.call([operations.update("ReviewSession", review, {"name": NAME})])
    session.call([operations.create("Note", {"content": NOTE, "in_reply_to_id": write_note(session, entry, NOTE)})])
    assign(session, task["id"])
    return task


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
