"""The page with the notes of reviewers on the versions of a task, and what can be done with the chosen version."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.host import ComparesMovies, GoesToFrames, Host, OpensScenes, ShowsFeedback
from ft_dcc.review.drawings import Drawing
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc.ui.texts import note_date, note_text, open_first, verdict_texts

from . import layouts, style, tables

_IMAGE_SIZE = QtCore.QSize(320, 180)
_NO_TASK = "Choose a task on the page Publish or Tasks."
_NO_VERSION = "The task has no versions."


class NotesPage(tables.ListPage):
    """Versions with their verdicts, the notes below them, the open ones first; beside them the chosen note."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__(controller, "", "Note", "Frame", "Author", "Date")
        self._host = host
        # Its path, and the note whose drawing is on it.
        self._shown_image: tuple[Path | None, Note | None] = (None, None)
        self.rows.setRootIsDecorated(True)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideRight)
        self.message = style.text_label(tone="warning")
        self.image, self.text = style.Label(), style.text_label(is_selectable=True)
        self.answer = QtWidgets.QLineEdit()
        self.answer.setPlaceholderText("Reply")
        self.go_to, self.reply = style.button("&Go to frame"), style.button("Repl&y")
        self.done = style.button("&Done")
        self.show_drawings, self.hide_drawings = style.button("&Show drawings", "primary"), style.button("&Hide")
        self.files = VersionPanel(controller, host, lambda: self.version)
        self.main = self.show_drawings
        self._lay_out()
        self.rows.currentItemChanged.connect(lambda *_: self._show_note())
        for signal in (self.go_to.clicked, self.rows.itemClicked):
            signal.connect(lambda *_: self._go_to())
        self.show_drawings.clicked.connect(self._show)
        self.hide_drawings.clicked.connect(lambda: controller.feedback.hide(host))
        self.reply.clicked.connect(self._reply)
        self.answer.returnPressed.connect(self._reply)
        self.done.clicked.connect(self._mark)
        self.again.clicked.connect(self._read)

    @property
    def note(self) -> Note | None:
        """The chosen note."""
        return self._controller.feedback.find_note(self.rows.key)

    @property
    def version(self) -> ReviewedVersion | None:
        """The version that is chosen, or whose note is."""
        chosen = self.rows.key
        for version in self._controller.feedback.versions:
            if version.id == chosen or any(note.id == chosen for note in version.notes):
                return version
        return None

    def refresh(self) -> None:
        """Show the notes that the controller has read."""
        feedback = self._controller.feedback
        if feedback.versions != self._shown:
            self._fill(feedback.versions)
        style.show_text(self.message, feedback.message)
        style.show_text(self.error, "\n".join(filter(None, (feedback.error, *feedback.problems))))
        if feedback.error and not self.answer.text():
            self.answer.setText(feedback.take_unsent_text())
        empty = _NO_TASK if feedback.task_id is None else "Loading…" if feedback.is_loading else _NO_VERSION
        self.empty_label.setText(empty)
        self.show_rows(not feedback.versions)
        self._show_note()

    def _fill(self, versions: tuple[ReviewedVersion, ...]) -> None:
        chosen = self.rows.key
        self._shown = versions
        self.rows.clear()
        for version in versions:
            title = "; ".join((f"{version.asset} {version.name}, {version.status}", *verdict_texts(version)))
            item = QtWidgets.QTreeWidgetItem([title, "", version.artist])
            item.setData(0, tables.KEY, version.id)
            self.rows.addTopLevelItem(item)
            item.addChildren([_note_row(note) for note in open_first(version.notes)])
            item.setExpanded(True)
            for row in (item, *(item.child(index) for index in range(item.childCount()))):
                if row.data(0, tables.KEY) == chosen:
                    self.rows.setCurrentItem(row)
        first = self.rows.topLevelItem(0)
        if self.rows.currentItem() is None and first is not None:
            self.rows.setCurrentItem(first.child(0) or first)

    def _show_note(self) -> None:
        note, is_shown = self.note, self._controller.feedback.is_shown
        lines = []
        if note is not None:
            head = ", ".join(filter(None, (note.author, note_date(note), note.place)))
            replies = [f"{reply.author}, {note_date(reply)}: {reply.text}" for reply in note.replies]
            lines = [head, note.text, note.problem, *replies]
        self.text.setText("\n".join(filter(None, lines)))
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
        version = self.version
        of_note = () if note is None else tuple(each for each in note.attachments if "png" in each.file_type.lower())
        component = of_note[0].component_id if of_note else None if version is None else version.thumbnail_id
        images, session = self._controller.images, self._controller.session
        frame = None if of_note else images.frame(session, version, note)
        path = frame or images.get(session, component)
        shown = (path, note if frame else None)
        if shown == self._shown_image:
            return
        self._shown_image = shown
        pixmap = QtGui.QPixmap("" if path is None else str(path))
        if frame is not None and note is not None and note.drawing is not None:
            _draw(pixmap, note.drawing)
        if not pixmap.isNull():
            smooth = QtCore.Qt.TransformationMode.SmoothTransformation
            pixmap = pixmap.scaled(_IMAGE_SIZE, QtCore.Qt.AspectRatioMode.KeepAspectRatio, smooth)
        self.image.setPixmap(pixmap)

    def _read(self) -> None:
        feedback, session = self._controller.feedback, self._controller.session
        feedback.mark_seen()
        self._controller.disk_files.clear()
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

    def _lay_out(self) -> None:
        self.image.setFixedHeight(_IMAGE_SIZE.height())
        note = QtWidgets.QVBoxLayout()
        note.addWidget(self.image)
        note.addWidget(self.text)
        note.addStretch(1)
        side = QtWidgets.QVBoxLayout()
        side.addWidget(layouts.ScrollColumn(note), 1)
        side.addWidget(self.answer)
        side.addLayout(layouts.WrappingRow(self.go_to, self.reply, self.done))
        columns = layouts.Columns(self.fontMetrics().lineSpacing())
        columns.addWidget(self.rows, 3)
        columns.addLayout(side, 2)
        page = QtWidgets.QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self.message)
        page.addWidget(self.empty_label)
        page.addLayout(columns, 1)
        page.addWidget(self.error)
        page.addLayout(layouts.WrappingRow(self.show_drawings, self.hide_drawings, self.again))
        page.addWidget(self.files)


def _draw(frame: QtGui.QPixmap, drawing: Drawing) -> None:
    """Draw the strokes of a note on its frame."""
    painter, height = QtGui.QPainter(frame), frame.height()
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    for stroke in drawing.strokes(frame.width() / height):
        colour = QtGui.QColor.fromRgbF(*stroke.colour, stroke.opacity)
        line = QtGui.QPolygonF([QtCore.QPointF(x * frame.width(), y * height) for x, y, _ in stroke.points])
        width = max(2.0, height * sum(width for *_, width in stroke.points) / len(stroke.points))
        ends = (QtCore.Qt.PenStyle.SolidLine, QtCore.Qt.PenCapStyle.RoundCap, QtCore.Qt.PenJoinStyle.RoundJoin)
        painter.setPen(QtGui.QPen(colour, width, *ends))
        painter.drawPoints(line) if len(line) == 1 else painter.drawPolyline(line)
    painter.end()


def _note_row(note: Note) -> QtWidgets.QTreeWidgetItem:
    state = "done: " if note.is_done else f"addressed in {note.addressed_in}: " if note.addressed_in else ""
    item = QtWidgets.QTreeWidgetItem(
        [f"{state}{note_text(note)}", "" if note.frame is None else str(note.frame), note.author, note_date(note)]
    )
    item.setData(0, tables.KEY, note.id)
    style.set_tool_tip(item, note.text, 0)
    return item


class VersionPanel(QtWidgets.QWidget):
    """The files of the chosen version, and the state of a download; to lose unsaved changes is a question."""

    def __init__(
        self, controller: PublishController, host: Host | None, version: Callable[[], ReviewedVersion | None]
    ) -> None:
        super().__init__()
        self._controller, self._host, self._version = controller, host, version
        self._opened: Path | None = None
        self.message = style.text_label(tone="warning", is_selectable=True)
        self.error = style.text_label(tone="error", is_selectable=True)
        self.download = style.button("Download s&cene …")
        style.set_tool_tip(
            self.download, "Save the scene file of the chosen version in a folder, and check its checksum."
        )
        self.open, self.save_and_open = style.button("&Open scene"), style.button("Sa&ve and open")
        self.discard_and_open = style.button("Discard changes and open")
        self.disk = tables.DiskFilesRow(controller, host)
        self.compare, self.stop = style.button("Co&mpare"), style.button("Stop compari&ng")
        style.set_tool_tip(self.compare, "Show the movie of the chosen version in the open scene, on its frames.")
        self.download.clicked.connect(self._ask_for_folder)
        self.open.clicked.connect(lambda: self._open_scene())
        self.save_and_open.clicked.connect(lambda: self._open_scene(save_first=True))
        self.discard_and_open.clicked.connect(lambda: self._open_scene(discard_changes=True))
        self.compare.clicked.connect(self._compare)
        self.stop.clicked.connect(lambda: controller.version_files.stop_comparing(host))
        opening = (self.open, self.save_and_open, self.discard_and_open)
        buttons = layouts.WrappingRow(self.download, *opening, self.compare, self.stop)
        layouts.fill_column(self, self.message, self.error, self.disk, buttons)

    def refresh(self) -> None:
        """Show the state of the download, of the opened scene and of the comparison."""
        files, version = self._controller.version_files, self._version()
        style.show_text(self.message, self._state())
        style.show_text(self.error, "\n".join(filter(None, (files.error, *files.problems))))
        can_start = version is not None and not files.is_loading
        self.download.setEnabled(can_start)
        is_downloaded = files.path is not None and not files.is_loading and isinstance(self._host, OpensScenes)
        self.open.setVisible(is_downloaded and not files.has_unsaved_changes)
        for button in (self.save_and_open, self.discard_and_open):
            button.setVisible(is_downloaded and files.has_unsaved_changes)
        self.compare.setVisible(isinstance(self._host, ComparesMovies))
        self.compare.setEnabled(can_start)
        self.stop.setVisible(bool(files.compared))
        self.stop.setEnabled(not files.is_loading)
        disk, session = self._controller.disk_files, self._controller.session
        if version is not None and session is not None:
            disk.read(session, version.id)
        found = () if version is None else disk.components
        self.disk.show_files([(each.path, each.unreachable) for each in found], version.source if version else "")
        if files.opened != self._opened:
            self._opened = files.opened
            self._controller.queries.read_scene(self._host)

    def download_scene(self, folder: Path) -> None:
        """Download the scene file of the chosen version into the folder; nothing is written over a file."""
        session, version = self._controller.session, self._version()
        if session is not None and version is not None:
            self._controller.version_files.fetch(session, version.id, folder)
            self.refresh()

    def _state(self) -> str:
        files = self._controller.version_files
        if files.is_loading:
            return f"{files.activity}…"
        if files.path is not None:
            return f"The scene is in {files.path}."
        shown = f"{files.compared} is shown in the scene." if files.compared else ""
        return shown or (f"{files.opened} is open." if files.opened is not None else "")

    def _ask_for_folder(self) -> None:
        folder = QtWidgets.QFileDialog.getExistingDirectory(self, "Folder for the scene")
        if folder:
            self.download_scene(Path(folder))

    def _open_scene(self, *, save_first: bool = False, discard_changes: bool = False) -> None:
        if self._host is not None:
            files = self._controller.version_files
            files.open_scene(self._host, save_first=save_first, discard_changes=discard_changes)
            self.refresh()

    def _compare(self) -> None:
        session, version = self._controller.session, self._version()
        if session is not None and version is not None and self._host is not None:
            self._controller.version_files.compare(session, self._host, version)
            self.refresh()
