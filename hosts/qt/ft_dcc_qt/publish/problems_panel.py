"""What an artist reads before a publish: problems that validation found with their repairs, and open notes."""

from __future__ import annotations

from collections import Counter

from Qt import QtCore, QtWidgets

from ft_dcc import errors, plain_text
from ft_dcc.host import Host, SupportsSelection
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc.ui.texts import note_line, problem_text
from ft_dcc_qt import layouts, style, tables

_NOTE = QtCore.Qt.ItemDataRole.UserRole
_MAX_NOTES = 4
_MIN_CHECKS = 6
# The states of checks with their words and tones.
_STATES = {"problem": "to fix", "warning": "with a warning", "passed": "passed"}
_COLOURS = {"problem": style.ERROR, "warning": style.WARNING, "passed": style.GOOD}
# The height of the problems in a small window; more of them scroll.
_MIN_LINES, _MAX_LINES = 9, 1000


class ProblemsPanel(layouts.FittedScroll):
    """The list of problems; visible while there are any."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__(QtWidgets.QWidget(), _MIN_LINES, _MAX_LINES)
        self._controller, self._host = controller, host
        self._fields = {"frame_range": "Frames", **({} if host else {"fps": "Rate"})}
        self._can_select = isinstance(host, SupportsSelection)
        self._shown: tuple[object, ...] = ()
        self.repairs: list[QtWidgets.QPushButton] = []
        self.selects: list[QtWidgets.QPushButton] = []
        self.all: QtWidgets.QPushButton | None = None
        self.rest: QtWidgets.QPushButton | None = None
        self.summary: QtWidgets.QLabel | None = None
        self.hide()

    def refresh(self) -> None:
        """Show the controller's problems, and enable what can be done about them now."""
        problems, is_busy = self._controller.problems, self._controller.is_busy
        state = (problems, self._controller.has_pending_check, self._controller.is_partly_publishable)
        if state != self._shown:
            self._shown = state
            self._build(problems)
        self.setVisible(bool(problems))
        for button in (*self.repairs, *self.selects, *filter(None, [self.all, self.rest])):
            button.setEnabled(not is_busy)

    def _build(self, problems: tuple[errors.ValidationIssue, ...]) -> None:
        self.repairs, self.selects, self.all, self.rest = [], [], None, None
        content = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        # Problems that say the same of several sources are one row.
        by_text: dict[tuple[str, str, str | None], list[errors.ValidationIssue]] = {}
        for problem in problems:
            by_text.setdefault((problem.check, problem.message, problem.repair), []).append(problem)
        groups = list(by_text.values())
        count = "1 problem" if len(groups) == 1 else f"{len(groups)} problems"
        is_first = self._controller.has_pending_check
        then = "first. Nothing was captured or sent." if is_first else "before the rest can be published."
        head = QtWidgets.QHBoxLayout()
        self.summary = style.text_label(f"{count} to fix {then}", "warning")
        head.addWidget(self.summary, 1)
        column.addLayout(head)
        repairable = [problem for problem in problems if problem.repair is not None]
        if sum(group[0].repair is not None for group in groups) > 1 and is_first:
            self.all = style.button("R&epair all")
            style.set_tool_tip(self.all, "Run all repairs, one after the other.")
            self.all.clicked.connect(lambda *_: self._controller.repair(*repairable))
            head.addWidget(self.all)
        for group in groups:
            column.addWidget(self._row(group))
        if self._controller.is_partly_publishable:
            self.rest = style.button("Publish t&he rest")
            self.rest.clicked.connect(self._controller.publish_valid)
            column.addWidget(self.rest, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self.show_content(content)

    def _row(self, group: list[errors.ValidationIssue]) -> QtWidgets.QFrame:
        problem, frame = group[0], QtWidgets.QFrame()
        frame.setProperty("role", "notice")
        row = QtWidgets.QHBoxLayout(frame)
        sources = ", ".join(each.instance for each in group if each.instance)
        title = f"{problem.check}: {sources}" if sources else problem.check
        texts = QtWidgets.QVBoxLayout()
        texts.addWidget(style.text_label(plain_text.single_line(title), "title"))
        texts.addWidget(style.text_label(problem_text(problem, self._fields), is_selectable=True))
        row.addLayout(texts, 1)
        if problem.repair is not None and self._controller.has_pending_check:
            repair = style.button(plain_text.button_text(problem.repair))
            repair.clicked.connect(lambda *_: self._controller.repair(*group))
            self.repairs.append(repair)
            row.addWidget(repair)
        scene = self._controller.queries.scene
        is_in_scene = scene is not None and problem.instance in scene.sources
        if problem.can_select and is_in_scene and self._can_select:
            select = style.button("Select in the scene")
            select.clicked.connect(lambda *_: self._controller.queries.select(self._host, problem.instance))
            self.selects.append(select)
            row.addWidget(select)
        return frame


class ChecksTable(tables.Table):
    """What each check finds about the publish as it is chosen now, the problems first; ``summary`` is placed apart."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__("Check", "Result", stretched=1)
        self._controller = controller
        self._shown: tuple[object, ...] = ()
        self.summary = style.text_label(tone="dim")
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * _MIN_CHECKS)
        self.setTextElideMode(QtCore.Qt.TextElideMode.ElideRight)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.NoSelection)

    def refresh(self) -> None:
        """Show the results, or that they are being read; hidden while the controller has problems of a publish."""
        checks = self._controller.checks
        self.setVisible(checks.is_loaded and not self._controller.problems)
        self.summary.setVisible(not self.isHidden() and not self._controller.is_busy)
        counts = Counter(result.state for result in checks.value)
        known = ", ".join(f"{counts[state]} {word}" for state, word in _STATES.items() if counts[state])
        self.summary.setText("Checking …" if checks.is_loading else checks.error or f"Checks: {known}.")
        style.set_tone(self.summary, "warning" if checks.error or counts["problem"] else "dim")
        if checks.value == self._shown:
            return
        self._shown = checks.value
        texts = [": ".join(filter(None, (each.source, each.message or each.state))) for each in checks.value]
        rows = ((None, (each.check, text)) for each, text in zip(checks.value, texts))
        items = self.fill(rows, selects_first=False)
        for item, result, text in zip(items, checks.value, texts):
            style.set_tool_tip(item, text, 1)
            for column in range(2):
                item.setForeground(column, style.colour(_COLOURS[result.state]))


class AddressedPanel(QtWidgets.QWidget):
    """The notes on the task's versions that wait for an answer, with a tick for each that the publish answers.

    Visible while there are such notes; none of them prevents a publish.
    """

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: list[tuple[ReviewedVersion, Note]] = []
        self.title = style.text_label(tone="warning")
        self.rows = QtWidgets.QListWidget()
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideRight)
        self.rows.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layouts.fill_column(self, self.title, self.rows)
        self.hide()

    @property
    def checked(self) -> tuple[str, ...]:
        """The ids of the ticked notes."""
        items = [self.rows.item(row) for row in range(self.rows.count())]
        return tuple(item.data(_NOTE) for item in items if item.checkState() == QtCore.Qt.CheckState.Checked)

    def show_task(self, task_id: str | None) -> None:
        """Show the notes on the task's versions that wait for an answer, if they were read."""
        notes = self._controller.feedback.unanswered_notes(task_id)
        self.setVisible(bool(notes))
        if notes == self._shown or not notes:
            self._shown = notes
            return
        checked = self.checked
        self._shown = notes
        count = "1 note is" if len(notes) == 1 else f"{len(notes)} notes are"
        self.rows.setMaximumHeight(self.fontMetrics().lineSpacing() * 2 * min(len(notes) + 1, _MAX_NOTES))
        self.title.setText(f"{count} open. Tick what this version answers.")
        self.rows.clear()
        for version, note in notes:
            item = QtWidgets.QListWidgetItem(note_line(version, note))
            style.set_tool_tip(item, note.text)
            item.setData(_NOTE, note.id)
            is_checked = QtCore.Qt.CheckState.Checked if note.id in checked else QtCore.Qt.CheckState.Unchecked
            item.setCheckState(is_checked)
            self.rows.addItem(item)
