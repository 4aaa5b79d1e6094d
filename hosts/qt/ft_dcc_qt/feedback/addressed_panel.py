"""The reminder of open notes on the last version, with a tick for each that the publish answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.ui.publish_controller import PublishController
from ft_dcc.ui.texts import note_line
from ft_dcc_qt import style

if TYPE_CHECKING:
    from ft_dcc.review.notes import Note

_NOTE = QtCore.Qt.ItemDataRole.UserRole
_ROWS = 4


class AddressedPanel(QtWidgets.QWidget):
    """Visible while the last version of the task has open notes; none of them prevents a publish."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: tuple[Note, ...] = ()
        self.title = style.text_label(tone="warning")
        self.rows = QtWidgets.QListWidget()
        self.rows.setMaximumHeight(self.fontMetrics().lineSpacing() * 2 * _ROWS)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideRight)
        self.rows.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(self.rows)
        self.hide()

    @property
    def checked(self) -> tuple[str, ...]:
        """The ids of the ticked notes."""
        items = [self.rows.item(row) for row in range(self.rows.count())]
        return tuple(item.data(_NOTE) for item in items if item.checkState() == QtCore.Qt.CheckState.Checked)

    def show_task(self, task_id: str | None) -> None:
        """Show the open notes on the newest version of the task, if they were read."""
        feedback = self._controller.feedback
        notes = feedback.unaddressed_notes(task_id)
        self.setVisible(bool(notes))
        if notes == self._shown or not notes:
            self._shown = notes
            return
        checked = self.checked
        self._shown = notes
        count = "1 note is" if len(notes) == 1 else f"{len(notes)} notes are"
        self.title.setText(f"{count} open on {feedback.versions[0].name}. Tick what this version answers.")
        self.rows.clear()
        for note in notes:
            item = QtWidgets.QListWidgetItem(note_line(note))
            item.setToolTip(note.text)
            item.setData(_NOTE, note.id)
            is_checked = QtCore.Qt.CheckState.Checked if note.id in checked else QtCore.Qt.CheckState.Unchecked
            item.setCheckState(is_checked)
            self.rows.addItem(item)
