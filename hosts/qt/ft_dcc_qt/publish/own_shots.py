"""The choice to publish each item of a timeline to its own shot, and the tasks that this means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from Qt import QtWidgets

from ft_dcc_qt import style

if TYPE_CHECKING:
    from ft_dcc.publish.models import Task

_MAX_SHOWN = 2


class OwnShots(QtWidgets.QWidget):
    """A check box, and the paths of the tasks besides the chosen one; hidden for sources without a shot."""

    def __init__(self) -> None:
        super().__init__()
        self.box = style.CheckBox("Each item to its own s&hot")
        self.box.setToolTip("Publish an item of the timeline to the task of this name at the shot of the item's name.")
        self.box.setChecked(True)
        self._task: Task | None = None
        self._shots: tuple[str, ...] = ()
        self._paths = style.text_label(tone="dim")
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.box)
        column.addWidget(self._paths)
        self.box.toggled.connect(lambda *_: self._refresh())
        self.hide()

    @property
    def text(self) -> str:
        """Return the paths of the tasks that are shown."""
        return self._paths.text()

    def show_shots(self, task: Task | None, shots: Iterable[str]) -> None:
        """Show where sources of these shots are published if this task is chosen; "" is a source without a shot."""
        self._task, self._shots = task, tuple(shots)
        self._refresh()

    def path_of(self, task: Task | None, shot: str) -> str:
        """Return the path of the task at the shot, "" for the chosen task."""
        if task is None or shot in ("", task.shot_name) or not self.box.isChecked():
            return ""
        return "/".join((*task.names[:-2], shot, task.name))

    def _refresh(self) -> None:
        task = self._task
        self.setVisible(task is not None and any(shot not in ("", task.shot_name) for shot in self._shots))
        paths = [path for shot in dict.fromkeys(self._shots) if (path := self.path_of(task, shot))]
        more = f" and {len(paths) - _MAX_SHOWN} more" if len(paths) > _MAX_SHOWN else ""
        self._paths.setText(f"also {', '.join(paths[:_MAX_SHOWN])}{more}" if paths else "")
        self._paths.setVisible(bool(paths))
