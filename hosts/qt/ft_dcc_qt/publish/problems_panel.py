"""The problems that validation found, each with its repair and its source."""

from __future__ import annotations

from functools import partial

from Qt import QtCore, QtWidgets

from ft_dcc.errors import ValidationIssue
from ft_dcc.host import Host, SupportsSelection
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc_qt import style


class ProblemsPanel(QtWidgets.QScrollArea):
    """The list of problems; visible while there are any."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._can_select = isinstance(host, SupportsSelection)
        self._shown: tuple[object, ...] = ()
        self.repairs: list[QtWidgets.QPushButton] = []
        self.selects: list[QtWidgets.QPushButton] = []
        self.all: QtWidgets.QPushButton | None = None
        self.rest: QtWidgets.QPushButton | None = None
        self.summary = style.text_label("", "warning")
        self.setWidgetResizable(True)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 9)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
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

    def _build(self, problems: tuple[ValidationIssue, ...]) -> None:
        self.repairs, self.selects, self.all, self.rest = [], [], None, None
        content = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        groups = _group(problems)
        count = "1 problem" if len(groups) == 1 else f"{len(groups)} problems"
        is_first = self._controller.has_pending_check
        then = "first. Nothing was captured or sent." if is_first else "before the rest can be published."
        self.summary = style.text_label(f"{count} to fix {then}", "warning")
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self.summary, 1)
        column.addLayout(head)
        repairable = [problem for problem in problems if problem.repair is not None]
        if sum(group[0].repair is not None for group in groups) > 1 and is_first:
            self.all = style.button("R&epair all")
            self.all.setToolTip("Run all repairs, one after the other.")
            self.all.clicked.connect(lambda *_: self._controller.repair(*repairable))
            head.addWidget(self.all)
        for group in groups:
            column.addWidget(self._row(group))
        if self._controller.is_partly_publishable:
            self.rest = style.button("Publish t&he rest")
            self.rest.clicked.connect(self._controller.publish_valid)
            column.addWidget(self.rest, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self.setWidget(content)

    def _row(self, group: list[ValidationIssue]) -> QtWidgets.QFrame:
        problem, frame = group[0], style.notice()
        row = QtWidgets.QHBoxLayout(frame)
        sources = ", ".join(each.instance for each in group if each.instance)
        title = f"{problem.check}: {sources}" if sources else problem.check
        texts = QtWidgets.QVBoxLayout()
        texts.addWidget(style.text_label(title, "title"))
        texts.addWidget(style.text_label(problem.message, is_selectable=True))
        row.addLayout(texts, 1)
        if problem.repair is not None and self._controller.has_pending_check:
            repair = style.button(problem.repair)
            repair.clicked.connect(lambda *_: self._controller.repair(*group))
            self.repairs.append(repair)
            row.addWidget(repair)
        if problem.instance and self._can_select:
            select = style.button("Select in the scene")
            select.clicked.connect(partial(self._select, problem.instance))
            self.selects.append(select)
            row.addWidget(select)
        return frame

    def _select(self, source: str, *_: object) -> None:
        if self._host is not None:
            self._controller.queries.select(self._host, source)


def _group(problems: tuple[ValidationIssue, ...]) -> list[list[ValidationIssue]]:
    """Return the problems with those together that say the same of several sources."""
    groups: dict[tuple[str, str, str | None], list[ValidationIssue]] = {}
    for problem in problems:
        groups.setdefault((problem.check, problem.message, problem.repair), []).append(problem)
    return list(groups.values())
