"""What one source has instead of the page's choices: its task, asset, frames, comment and thumbnail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from Qt import QtCore, QtWidgets

from ft_dcc import plain_text
from ft_dcc.errors import SettingInvalid
from ft_dcc.settings.publish_options import OPTIONS
from ft_dcc_qt import layouts, style

from .fields import Choice, SearchField

_LABELS = {"task": "Task", "asset": "Asset", "frame_range": "Frames", "comment": "Comment", "thumbnail": "Thumbnail"}
_HINTS = {"asset": "named by the task and the source", "thumbnail": "the middle frame; or 1010, or an image file"}
_MAX_CHARACTERS = 28


class OwnValuesPanel(QtWidgets.QWidget):
    """Fields for the source that is selected in the list; empty ones are as the page says for all sources."""

    changed = QtCore.Signal()

    def __init__(self, no_task: str) -> None:
        super().__init__()
        # By source and option: what is entered; a task by its id.
        self._values: dict[str, dict[str, str]] = {}
        self._paths: dict[str, str] = {}
        self._source = ""
        self.show_fields = style.button("")
        self.show_fields.setCheckable(True)
        style.set_tool_tip(self.show_fields, "Task, asset, frames, comment and thumbnail that only this source has.")
        self.task = SearchField(no_task, allows_free_text=True)
        self.fields: dict[str, QtWidgets.QLineEdit] = {
            name: self.task if name == "task" else QtWidgets.QLineEdit() for name in _LABELS
        }
        grid = QtWidgets.QGridLayout(form := QtWidgets.QWidget())
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        for row, (name, field) in enumerate(self.fields.items()):
            field.setPlaceholderText(_HINTS.get(name, "as for all sources"))
            style.set_tool_tip(field, OPTIONS[name].help)
            grid.addWidget(style.field_label(_LABELS[name], field), row, 0)
            grid.addWidget(field, row, 1)
            field.textEdited.connect(lambda text, name=name: self._enter(name, "" if name == "task" else text))
        self.task.chosen.connect(lambda key: self._enter("task", key))
        self.show_fields.toggled.connect(form.setVisible)
        form.hide()
        layouts.fill_column(self, layouts.WrappingRow(self.show_fields), form)
        self.show_source("")

    def show_tasks(self, choices: Sequence[Choice]) -> None:
        """Offer these tasks, each an id and a path."""
        self._paths.update((key, plain_text.single_line(text)) for key, text in choices)
        self.task.set_choices(choices)

    def show_source(self, source: str) -> None:
        """Show the values of this source."""
        self._source = source
        self.setVisible(bool(source))
        metrics, middle = self.fontMetrics(), QtCore.Qt.TextElideMode.ElideMiddle
        name = metrics.elidedText(
            plain_text.single_line(Path(source).name), middle, metrics.averageCharWidth() * _MAX_CHARACTERS
        )
        self.show_fields.setText(plain_text.button_text(f"Only for {name} …"))
        values = self._values.get(source, {})
        for name, field in self.fields.items():
            field.setText(self._text(name, values.get(name, "")))

    def clear(self, *names: str) -> None:
        """Remove the values of these options, of all options without names."""
        for values in self._values.values():
            for name in names or _LABELS:
                values.pop(name, None)
        self.show_source(self._source if names else "")

    def remarks(self) -> dict[str, str]:
        """Return a line for each source that has values of its own."""
        return {
            source: "  ".join(f"{_LABELS[name]}: {self._text(name, value)}" for name, value in values.items())
            for source, values in self._values.items()
        }

    def values(self, sources: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the options of these sources that have any; raise SettingInvalid, which names the source."""
        found: dict[str, dict[str, Any]] = {}
        for source in sources:
            try:
                entered = self._values.get(source, {})
                found[source] = {name: OPTIONS[name].parse(text) for name, text in entered.items()}
            except SettingInvalid as error:
                raise SettingInvalid(f"{Path(source).name}: {error}") from error
        if self.task.text().strip() and "task" not in self._values.get(self._source, {}) and self._source in found:
            raise SettingInvalid(f"{Path(self._source).name}: the task is none of the list. Choose one, or clear it.")
        return {source: values for source, values in found.items() if values}

    def _text(self, name: str, value: str) -> str:
        return self._paths.get(value, value) if name == "task" else value

    def _enter(self, name: str, text: str) -> None:
        values = self._values.setdefault(self._source, {})
        values.pop(name, None)
        if text.strip():
            values[name] = text.strip()
        self.changed.emit()
