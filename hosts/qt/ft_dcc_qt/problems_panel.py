"""What the checks found: each problem with its repair, and with what it is about in the scene."""

from __future__ import annotations

from functools import partial

from Qt import QtCore, QtWidgets

from ft_dcc.desk import Desk
from ft_dcc.errors import Problem
from ft_dcc.host import Host, SelectsSources

from . import looks


class ProblemsPanel(QtWidgets.QScrollArea):
    """Seen as long as there are problems."""

    def __init__(self, desk: Desk, host: Host | None) -> None:
        super().__init__()
        self._desk, self._host = desk, host
        self._can_select = isinstance(host, SelectsSources)
        self._shown: tuple[object, ...] = ()
        self.repairs: list[QtWidgets.QPushButton] = []
        self.selects: list[QtWidgets.QPushButton] = []
        self.all: QtWidgets.QPushButton | None = None
        self.rest: QtWidgets.QPushButton | None = None
        self.summary = looks.said("", "warning")
        self.setWidgetResizable(True)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 9)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.hide()

    def refresh(self) -> None:
        """What is seen are the desk's problems, and what can be done about them now."""
        problems, is_busy = self._desk.problems, self._desk.is_busy
        known = (problems, self._desk.is_waiting, self._desk.is_partly_publishable)
        if known != self._shown:
            self._shown = known
            self._build(problems)
        self.setVisible(bool(problems))
        for button in (*self.repairs, *self.selects, *filter(None, [self.all, self.rest])):
            button.setEnabled(not is_busy)

    def _build(self, problems: tuple[Problem, ...]) -> None:
        self.repairs, self.selects, self.all, self.rest = [], [], None, None
        inside = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        count = "One thing is" if len(problems) == 1 else f"{len(problems)} things are"
        is_first = self._desk.is_waiting
        then = "first. Nothing was captured or sent." if is_first else "before the rest can be published."
        self.summary = looks.said(f"{count} to be mended {then}", "warning")
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self.summary, 1)
        column.addLayout(head)
        repairable = [problem for problem in problems if problem.repair is not None]
        if len(repairable) > 1 and is_first:
            self.all = looks.button("R&epair all")
            self.all.setToolTip("Each repair that there is, one after the other.")
            self.all.clicked.connect(lambda *_: self._desk.repair(*repairable))
            head.addWidget(self.all)
        for problem in problems:
            column.addWidget(self._row(problem))
        if self._desk.is_partly_publishable:
            self.rest = looks.button("Publish &what has no problem")
            self.rest.clicked.connect(self._desk.publish_rest)
            column.addWidget(self.rest, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self.setWidget(inside)

    def _row(self, problem: Problem) -> QtWidgets.QFrame:
        frame = looks.notice()
        row = QtWidgets.QHBoxLayout(frame)
        title = f"{problem.check}: {problem.instance}" if problem.instance else problem.check
        words = QtWidgets.QVBoxLayout()
        words.addWidget(looks.said(title, "title"))
        words.addWidget(looks.said(problem.message, is_selectable=True))
        row.addLayout(words, 1)
        if problem.repair is not None and self._desk.is_waiting:
            repair = looks.button(problem.repair)
            repair.clicked.connect(lambda *_, problem=problem: self._desk.repair(problem))
            self.repairs.append(repair)
            row.addWidget(repair)
        if problem.instance and self._can_select:
            select = looks.button("Select in the scene")
            select.clicked.connect(partial(self._select, problem.instance))
            self.selects.append(select)
            row.addWidget(select)
        return frame

    def _select(self, source: str, *_: object) -> None:
        if self._host is not None:
            self._desk.lookups.select(self._host, source)
