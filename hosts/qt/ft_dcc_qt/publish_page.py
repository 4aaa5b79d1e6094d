"""The page that publishes: what, where to, and one button."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.desk import Desk
from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import FrameRange, Resolution, frame_rate
from ft_dcc.host import Host

from . import looks
from .outcome_panel import OutcomePanel
from .past_list import PastList
from .problems_panel import ProblemsPanel
from .progress_panel import ProgressPanel
from .search_field import SearchField
from .source_list import SourceList

if TYPE_CHECKING:
    from ft_dcc.publish.records import PublishRequest

_NO_CAMERA = "The scene has no camera. Add one to it, or add frames and films from the disk."
_NO_FILE = "Drop frames or films here, or press “Add files …”."
_NO_TASK = "No task has these words. Write a part of its shot’s or its project’s name."
_SEVERAL = ";"


class _Comment(QtWidgets.QPlainTextEdit):
    """A few lines; Enter begins the next one, so ``done`` is emitted for Ctrl and Enter."""

    done = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Ctrl and Enter are for who is through."""
        is_enter = event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
        if is_enter and event.modifiers() & QtCore.Qt.KeyboardModifier.ControlModifier:
            self.done.emit()
            return
        super().keyPressEvent(event)


class PublishPage(QtWidgets.QWidget):
    """What the artist chooses; whatever is left empty is found out."""

    def __init__(self, desk: Desk, host: Host | None) -> None:
        super().__init__()
        self._desk, self._host = desk, host
        self._chosen_id: str | None = None
        self._sought_id: str | None = None
        self._path: Path | None = None
        self._seen: tuple[FrameRange, Resolution] | None = None
        self._last_words = ""
        self._finished = 0
        self.sources = SourceList(_NO_FILE if host is None else _NO_CAMERA)
        self.task = SearchField(_NO_TASK)
        self.frames, self.rate = QtWidgets.QLineEdit(), QtWidgets.QLineEdit()
        self.review = SearchField("A new review session is opened under this name.", takes_any=True)
        self.comment = _Comment()
        self.add, self.publish = looks.button("&Add files …"), looks.button("&Publish", "primary")
        self.error = looks.said(tone="error", is_selectable=True)
        self.problems, self.progress = ProblemsPanel(desk, host), ProgressPanel(desk)
        self.outcome, self.past = OutcomePanel(desk), PastList(desk)
        self._lay_out()
        self._connect()

    def refresh(self) -> None:
        """Everything is seen as the desk has it."""
        desk, is_busy = self._desk, self._desk.is_busy
        self._show_scene()
        self._show_choices()
        for widget in (self.sources, self.task, self.frames, self.rate, self.review, self.comment, self.add):
            widget.setEnabled(not is_busy or desk.doing == "refresh")
        self.sources.show_previews(desk.lookups.previews)
        self.problems.refresh()
        self.progress.refresh()
        self.outcome.refresh()
        self.past.refresh()
        self.publish.setVisible(not is_busy)
        if self._finished != desk.finished and not is_busy:
            self._finished = desk.finished
            if desk.doing in ("publish", "repair") and not self.outcome.isVisible():
                # Else Qt would lead to the next button, and a second Enter repair what nobody has read.
                self.publish.setFocus()
        if not is_busy and desk.error:
            self.tell(desk.error)
        elif is_busy:
            self.tell("")

    def tell(self, sentence: str) -> None:
        """The sentence is what the artist reads next to the button."""
        self.error.setText(sentence)
        tone = "dim" if sentence == "Cancelled." else "error"
        if self.error.property("tone") != tone:
            self.error.setProperty("tone", tone)
            self.error.style().unpolish(self.error)
            self.error.style().polish(self.error)
        self.error.setVisible(bool(sentence))

    def request(self) -> PublishRequest:
        """Return what is asked for; raises SettingInvalid for what cannot be meant."""
        from ft_dcc.publish.records import PublishRequest

        if self._task_id is None:
            raise SettingInvalid("No task is chosen. Choose the task that this is made for.")
        sources = self.sources.wanted
        if not sources:
            raise SettingInvalid("Nothing is ticked. Tick what is to be published.")
        reviews = [name for name in map(str.strip, self.review.text().split(_SEVERAL)) if name]
        return PublishRequest(
            task=self._task_id,
            source=sources,
            review=reviews or self._usual_reviews(),
            comment=self.comment.toPlainText().strip(),
            frame_range=_frame_range(self.frames.text()),
            fps=_rate(self.rate.text()),
        )

    def begin(self) -> None:
        """What is asked for is being published, or it is said why not."""
        if self._desk.is_busy or not self.publish.isVisible():
            return
        try:
            request = self.request()
        except SettingInvalid as error:
            self.tell(str(error))
            return
        self._desk.publish(request, self._host)
        self.refresh()
        self.progress.cancel.setFocus()

    def add_files(self, paths: list[Path]) -> None:
        """The files can be published, and are ticked."""
        self.sources.add_files(paths)

    def _lay_out(self) -> None:
        self.task.setPlaceholderText("Where the version goes: search with any words")
        self.rate.setPlaceholderText("as the shot has it; or 24, 23.976, 24000/1001")
        line = self.fontMetrics().lineSpacing()
        self.comment.setMinimumHeight(line * 3)
        self.comment.setMaximumHeight(line * 7)
        self.sources.setMinimumHeight(line * 8)
        columns = QtWidgets.QHBoxLayout()
        columns.setSpacing(line)
        columns.addLayout(self._left(), 5)
        columns.addLayout(self._right(), 6)
        last = QtWidgets.QHBoxLayout()
        last.addWidget(self.error, 1)
        last.addWidget(self.publish, 0, QtCore.Qt.AlignmentFlag.AlignRight)
        page = QtWidgets.QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addLayout(columns, 1)
        page.addWidget(self.problems, 1)
        page.addWidget(self.outcome)
        page.addWidget(self.progress)
        page.addLayout(last)
        self.error.hide()

    def _left(self) -> QtWidgets.QVBoxLayout:
        head = QtWidgets.QHBoxLayout()
        head.addWidget(looks.naming("&Sources", self.sources), 1)
        head.addWidget(self.add)
        left = QtWidgets.QVBoxLayout()
        left.addLayout(head)
        left.addWidget(self.sources, 1)
        return left

    def _right(self) -> QtWidgets.QVBoxLayout:
        fields: list[tuple[str, QtWidgets.QWidget]] = [("&Task", self.task), ("&Frames", self.frames)]
        if self._host is None:
            fields.append(("&Rate", self.rate))
        fields += [("Re&view session", self.review), ("&Comment", self.comment)]
        right = QtWidgets.QVBoxLayout()
        right.setSpacing(3)
        for text, field in fields:
            right.addWidget(looks.naming(text, field))
            right.addWidget(field)
            right.addSpacing(6)
        right.addWidget(self.past, 1)
        return right

    def _connect(self) -> None:
        self.main = self.publish
        self.publish.clicked.connect(self.begin)
        self.comment.done.connect(self.begin)
        self.add.clicked.connect(self._ask_for_files)
        self.task.chosen.connect(self._choose_task)
        self.task.typed.connect(self._search)
        self.sources.looked_at.connect(lambda name: self._desk.lookups.preview(name, self._host))
        rate = (self.rate,) if self._host is None else ()
        order = (self.sources, self.add, self.task, self.frames, *rate, self.review, self.comment)
        for before, after in zip(order, (*order[1:], self.publish)):
            self.setTabOrder(before, after)

    def _show_scene(self) -> None:
        scene = self._desk.lookups.scene
        if scene is None:
            self.frames.setPlaceholderText("all that there are; or as 1001-1048")
            return
        self.frames.setPlaceholderText(f"{scene.frame_range}, as the scene has it")
        if self._path is not None and scene.path != self._path:
            # Another scene: what was chosen for the last one could only be wrong.
            self._chosen_id = None
            self.frames.clear()
            self._desk.lookups.forget_previews()
            self.sources.show_cameras(())
        self._path = scene.path
        self.sources.show_cameras(scene.sources)
        seen = (scene.frame_range, scene.resolution)
        if self._seen is not None and seen != self._seen:
            # It is told with the pictures, and they are of the middle of that range.
            self._desk.lookups.forget_previews()
            self.sources.look_again()
        self._seen = seen

    def _show_choices(self) -> None:
        desk = self._desk
        self._recall_task()
        task = desk.task(self._task_id)
        if task is not None or self._task_id is None:
            self.task.pick("" if task is None else task.path)
        elif not desk.is_busy and self._sought_id != self._task_id:
            self._sought_id = self._task_id
            desk.find_task(self._task_id)
        known = {found.id: found.path for found in (*desk.tasks.values(), *desk.lookups.found)}
        self.task.offer(tuple(known.items()))
        open_ones = desk.reviews.get(task.project_id, ()) if task is not None else ()
        self.review.offer(tuple((name, name) for name in open_ones))
        usual = self._usual_reviews()
        self.review.setPlaceholderText("as the settings say" if usual is None else usual[0])

    def _recall_task(self) -> None:
        """Files have no scene that remembers; the task that was last published to from here is likely."""
        if self._task_id is None and self._host is None and self._desk.lookups.past:
            path = self._desk.lookups.past[0].path
            self._chosen_id = next((task.id for task in self._desk.tasks.values() if task.path == path), None)

    def _usual_reviews(self) -> list[str] | None:
        """What is asked for where nobody chooses: None is the rule of the settings."""
        settings = self._desk.lookups.settings
        if settings is not None and settings.items("review"):
            return None
        return [self._desk.usual_review(self._task_id)]

    @property
    def _task_id(self) -> str | None:
        """What the artist chose, else what the scene remembers."""
        scene = self._desk.lookups.scene
        return self._chosen_id or (scene.task_id if scene is not None else None)

    def _choose_task(self, task_id: str) -> None:
        self._chosen_id = task_id
        if self._host is not None:
            self._desk.lookups.remember_task(self._host, task_id)
        self.refresh()

    def _search(self, words: str) -> None:
        if words and words != self._last_words and self._desk.session is not None:
            self._last_words = words
            self._desk.lookups.search_tasks(self._desk.session, words)

    def _ask_for_files(self) -> None:
        names, _ = QtWidgets.QFileDialog.getOpenFileNames(self, "Frames and films", "", "")
        self.add_files([Path(name) for name in names])


def _frame_range(text: str) -> FrameRange | None:
    return FrameRange.parse(text) if text.strip() else None


def _rate(text: str) -> Fraction | None:
    return frame_rate(text.strip()) if text.strip() else None
