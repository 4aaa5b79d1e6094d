"""The page with the notes of reviewers on the versions of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.host import GoesToFrames, Host, ShowsFeedback
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc.ui.texts import note_text, open_first, verdict_texts
from ft_dcc_qt import style
from ft_dcc_qt.feedback.version_panel import VersionPanel
from ft_dcc_qt.layouts import Columns, WrappingRow
from ft_dcc_qt.scrolling import ScrollColumn

if TYPE_CHECKING:
    from ft_dcc.review.notes import Note, ReviewedVersion

_ID = QtCore.Qt.ItemDataRole.UserRole
_IMAGE_SIZE = QtCore.QSize(320, 180)
_NO_TASK = "Choose a task on the page Publish or Tasks."
_NO_VERSION = "The task has no versions."


class NotesPage(QtWidgets.QWidget):
    """Versions with their verdicts, the notes below them, the open ones first; beside them the chosen note."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._shown: tuple[ReviewedVersion, ...] | None = None
        self._shown_image = ""
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Note", "Frame", "Author"])
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideRight)
        self.rows.header().setStretchLastSection(False)
        modes = QtWidgets.QHeaderView.ResizeMode
        for section, mode in enumerate((modes.Stretch, modes.ResizeToContents, modes.ResizeToContents)):
            self.rows.header().setSectionResizeMode(section, mode)
        self.empty_label = style.text_label("", "dim")
        self.message = style.text_label(tone="warning")
        self.error = style.text_label(tone="error", is_selectable=True)
        self.image, self.text = QtWidgets.QLabel(), style.text_label(is_selectable=True)
        self.answer = QtWidgets.QLineEdit()
        self.answer.setPlaceholderText("Reply")
        self.go_to, self.reply = style.button("&Go to frame"), style.button("Repl&y")
        self.done = style.button("&Done")
        self.show_drawings, self.hide_drawings = style.button("&Show drawings", "primary"), style.button("&Hide")
        self.files = VersionPanel(controller, host, lambda: self.version)
        self.again = style.button("&Refresh")
        self.main = self.show_drawings
        self._lay_out()
        self._connect()

    @property
    def note(self) -> Note | None:
        """The chosen note."""
        return self._controller.feedback.find_note(self._chosen_id)

    @property
    def version(self) -> ReviewedVersion | None:
        """The version that is chosen, or whose note is."""
        chosen = self._chosen_id
        for version in self._controller.feedback.versions:
            if version.id == chosen or any(note.id == chosen for note in version.notes):
                return version
        return None

    def refresh(self) -> None:
        """Show the notes that the controller has read."""
        feedback = self._controller.feedback
        if feedback.versions != self._shown:
            self._fill(feedback.versions)
        self.message.setText(feedback.message)
        self.message.setVisible(bool(feedback.message))
        self.error.setText("\n".join(filter(None, (feedback.error, *feedback.problems))))
        self.error.setVisible(bool(self.error.text()))
        if feedback.error and not self.answer.text():
            self.answer.setText(feedback.take_unsent_text())
        self.rows.setVisible(bool(feedback.versions))
        empty = _NO_TASK if feedback.task_id is None else "Loading…" if feedback.is_loading else _NO_VERSION
        self.empty_label.setText(empty)
        self.empty_label.setVisible(not feedback.versions)
        self._show_note()

    @property
    def _chosen_id(self) -> str | None:
        item = self.rows.currentItem()
        return None if item is None else str(item.data(0, _ID))

    def _fill(self, versions: tuple[ReviewedVersion, ...]) -> None:
        chosen = self._chosen_id
        self._shown = versions
        self.rows.clear()
        for version in versions:
            item = _version_row(version)
            self.rows.addTopLevelItem(item)
            item.addChildren([_note_row(note) for note in open_first(version.notes)])
            item.setExpanded(True)
            for row in (item, *(item.child(index) for index in range(item.childCount()))):
                if row.data(0, _ID) == chosen:
                    self.rows.setCurrentItem(row)
        first = self.rows.topLevelItem(0)
        if self.rows.currentItem() is None and first is not None:
            self.rows.setCurrentItem(first.child(0) or first)

    def _show_note(self) -> None:
        note, is_shown = self.note, self._controller.feedback.is_shown
        self.text.setText("" if note is None else _description(note))
        self.go_to.setVisible(isinstance(self._host, GoesToFrames))
        self.go_to.setEnabled(note is not None and note.frame is not None)
        for widget in (self.answer, self.reply, self.done):
            widget.setEnabled(note is not None)
        self.done.setText("Re&open" if note is not None and note.is_done else "&Done")
        can_show = isinstance(self._host, ShowsFeedback)
        self.show_drawings.setVisible(can_show)
        self.show_drawings.setEnabled(self.version is not None)
        self.hide_drawings.setVisible(can_show)
        self.hide_drawings.setEnabled(is_shown)
        self.files.refresh()
        self._show_image(note)

    def _show_image(self, note: Note | None) -> None:
        """Show the picture of the note, or else that of its version."""
        version = self.version
        of_note = () if note is None else tuple(each for each in note.attachments if "png" in each.file_type.lower())
        component = of_note[0].component_id if of_note else None if version is None else version.thumbnail_id
        path = self._controller.images.get(self._controller.session, component)
        name = "" if path is None else str(path)
        if name == self._shown_image:
            return
        self._shown_image = name
        pixmap = QtGui.QPixmap(name)
        if not pixmap.isNull():
            smooth = QtCore.Qt.TransformationMode.SmoothTransformation
            pixmap = pixmap.scaled(_IMAGE_SIZE, QtCore.Qt.AspectRatioMode.KeepAspectRatio, smooth)
        self.image.setPixmap(pixmap)

    def _read(self) -> None:
        feedback, session = self._controller.feedback, self._controller.session
        feedback.mark_seen()
        if session is not None and feedback.task_id is not None:
            feedback.read(session, feedback.task_id)

    def _go_to(self) -> None:
        if self.note is not None and self.note.frame is not None and self._host is not None:
            self._controller.feedback.go_to_frame(self._host, self.note.frame)

    def _show(self) -> None:
        feedback, version = self._controller.feedback, self.version
        if version is None or self._host is None:
            return
        # With the newest version, drawings of an earlier one are marked as such.
        versions = list(dict.fromkeys((feedback.versions[0], version)))
        feedback.show(self._host, versions if version is not feedback.versions[0] else None)

    def _reply(self) -> None:
        text, session, note = self.answer.text().strip(), self._controller.session, self.note
        if text and session is not None and note is not None:
            self._controller.feedback.reply(session, note, text)
            self.answer.clear()

    def _mark(self) -> None:
        session, note = self._controller.session, self.note
        if session is not None and note is not None:
            self._controller.feedback.set_done(session, note, is_done=not note.is_done)

    def _connect(self) -> None:
        self.rows.currentItemChanged.connect(lambda *_: self._show_note())
        self.go_to.clicked.connect(self._go_to)
        self.show_drawings.clicked.connect(self._show)
        self.hide_drawings.clicked.connect(self._hide)
        self.reply.clicked.connect(self._reply)
        self.answer.returnPressed.connect(self._reply)
        self.done.clicked.connect(self._mark)
        self.again.clicked.connect(self._read)

    def _hide(self) -> None:
        if self._host is not None:
            self._controller.feedback.hide(self._host)

    def _lay_out(self) -> None:
        self.image.setFixedHeight(_IMAGE_SIZE.height())
        note = QtWidgets.QVBoxLayout()
        note.addWidget(self.image)
        note.addWidget(self.text)
        note.addStretch(1)
        side = QtWidgets.QVBoxLayout()
        side.addWidget(ScrollColumn(note), 1)
        side.addWidget(self.answer)
        side.addLayout(WrappingRow(self.go_to, self.reply, self.done))
        columns = Columns(self.fontMetrics().lineSpacing())
        columns.addWidget(self.rows, 3)
        columns.addLayout(side, 2)
        page = QtWidgets.QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self.message)
        page.addWidget(self.empty_label)
        page.addLayout(columns, 1)
        page.addWidget(self.error)
        page.addLayout(WrappingRow(self.show_drawings, self.hide_drawings, self.again))
        page.addWidget(self.files)


def _version_row(version: ReviewedVersion) -> QtWidgets.QTreeWidgetItem:
    title = f"{version.asset} {version.name}, {version.status}"
    item = QtWidgets.QTreeWidgetItem(["; ".join((title, *verdict_texts(version))), "", version.artist])
    item.setData(0, _ID, version.id)
    return item


def _note_row(note: Note) -> QtWidgets.QTreeWidgetItem:
    state = "done: " if note.is_done else f"addressed in {note.addressed_in}: " if note.addressed_in else ""
    item = QtWidgets.QTreeWidgetItem(
        [f"{state}{note_text(note)}", "" if note.frame is None else str(note.frame), note.author]
    )
    item.setData(0, _ID, note.id)
    item.setToolTip(0, note.text)
    return item


def _description(note: Note) -> str:
    """Return the whole note with its replies."""
    frame = "" if note.frame is None else f", frame {note.frame}"
    lines = [
        f"{note.author}{frame}",
        note.text,
        note.problem,
        *(f"{reply.author}: {reply.text}" for reply in note.replies),
    ]
    return "\n".join(filter(None, lines))
