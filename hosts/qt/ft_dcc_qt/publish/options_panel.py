"""The options of a publish that are seldom changed: look and size, and those with a field in the table of options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from Qt import QtCore, QtWidgets

from ft_dcc import errors, frames, plain_text
from ft_dcc.errors import SettingInvalid
from ft_dcc.host import Host, SupportsLooks
from ft_dcc.settings.publish_options import BURNIN_POSITIONS, OPTIONS, SWITCH, Option, PublishOptions, for_form
from ft_dcc.settings.resolve import Settings
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc_qt import layouts, style

from .fields import Choice, SearchField

_DEFAULTS = {field.name: field.default for field in attrs.fields(PublishOptions)}


class OptionsPanel(QtWidgets.QWidget):
    """Fields with the settings' values until the artist changes them."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._has_looks = isinstance(host, SupportsLooks)
        self._settings: Settings | None = None
        self._task_type = ""
        self._looks: dict[str, dict[str, Any]] = {}
        self.look, self.scale = style.ComboBox(), style.ComboBox()
        style.set_tool_tip(self.look, "How the cameras are drawn. Further looks: the section “looks” of the settings.")
        self.scale.addItems(["Full size", "Half size"])
        self.only_selected = QtWidgets.QCheckBox("Selected objects only")
        # In reverse, so that those of the scene come first. Those with several choices are left to the settings.
        table = reversed(list(for_form(in_host=host is not None).items()))
        self._options = {name: option for name, option in table if not option.choices}
        self.switches: dict[str, QtWidgets.QCheckBox] = {}
        self.texts: dict[str, QtWidgets.QLineEdit] = {}
        for name, option in self._options.items():
            if option.kind is SWITCH:
                self.switches[name] = QtWidgets.QCheckBox(option.label)
                style.set_tool_tip(self.switches[name], option.help)
                self.switches[name].setChecked(self._default_state(name, option))
            else:
                self.texts[name] = QtWidgets.QLineEdit()
                self.texts[name].setPlaceholderText(f"{option.label}: as the settings say")
                style.set_tool_tip(self.texts[name], option.help)
        self._lay_out()
        layouts.hide_unplaced(self)

    @property
    def chosen_look(self) -> dict[str, Any]:
        """The options of the look."""
        options = dict(self._looks.get(self.look.currentText(), {}))
        return {**options, "isolate_selected": True} if self.only_selected.isChecked() else options

    def refresh(self, task_type: str = "") -> None:
        """Show the settings when they or the type of the task have changed."""
        settings = self._controller.queries.settings
        if settings is None or (settings, task_type) == (self._settings, self._task_type):
            return
        self._settings, self._task_type = settings, task_type
        for name, box in self.switches.items():
            box.setChecked(self._default_state(name, self._options[name]))
        for name, field in self.texts.items():
            setting = self._options[name].setting
            if setting is not None and (value := settings.get(setting.name)):
                field.setPlaceholderText(plain_text.single_line(f"{self._options[name].label}: {value}"))
        if self._has_looks:
            self._show_looks(settings)

    def _default_state(self, name: str, option: Option) -> bool:
        """Return what the settings say, or the request's own default for an option without a setting."""
        if name == "burnin":
            return self._settings is not None and any(self._settings.get(f"burnin_{each}") for each in BURNIN_POSITIONS)
        if option.setting is None:
            return bool(_DEFAULTS[name])
        return self._settings is not None and self._settings.get(option.setting.name) == "true"

    def values(self, sources: tuple[str, ...]) -> dict[str, Any]:
        """Return the options of the request for these sources that the artist has changed; raise SettingInvalid."""
        states: dict[str, Any] = {name: box.isChecked() for name, box in self.switches.items()}
        found = {name: on for name, on in states.items() if on != self._default_state(name, self._options[name])}
        texts = {name: text for name, field in self.texts.items() if (text := field.text().strip())}
        # One name, or several with semicolons between them.
        found.update({name: self._options[name].parse(text) for name, text in texts.items()})
        if self._has_looks:
            # As the command line takes it: an option alone changes the default, which is the first one.
            chosen = [self.look.currentText()] if self.look.currentIndex() > 0 else []
            isolated = ["isolate_selected=true"] if self.only_selected.isChecked() else []
            found["look"] = ", ".join((*chosen, *isolated)) or None
            found["resolution"] = self._resolution(sources)
        return found

    def _resolution(self, sources: tuple[str, ...]) -> frames.Resolution | None:
        scene = self._controller.queries.scene
        if self.scale.currentIndex() == 0 or scene is None:
            return None
        if not set(sources) <= set(scene.sources):
            message = "Only cameras can be captured at half size. Choose the full size, or untick the files."
            raise errors.SettingInvalid(message)
        # Divisible by 4, as Maya on Windows needs it.
        return frames.Resolution(*(max(4, size // 8 * 4) for size in (scene.resolution.width, scene.resolution.height)))

    def _show_looks(self, settings: Settings) -> None:
        from ft_dcc.host_support.look_presets import find_presets

        is_default = self.look.currentIndex() <= 0
        try:
            presets = find_presets(self._host, settings, self._task_type)
            self._looks = {name: dict(options) for name, options in presets.items()}
        except errors.Error as error:
            # The publish reports it, too.
            style.set_tool_tip(self.look, str(error))
            self._looks = {}
        chosen = self.look.currentText()
        self.look.clear()
        self.look.addItems(list(self._looks))
        self.look.setCurrentIndex(0 if is_default else max(0, self.look.findText(chosen)))

    def _lay_out(self) -> None:
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        if self._has_looks:
            grid.addWidget(style.field_label("Loo&k", self.look), 0, 0)
            grid.addWidget(self.look, 0, 1)
            grid.addWidget(self.scale, 0, 2)
            grid.addWidget(self.only_selected, 1, 1, 1, 2)
        boxes = layouts.WrappingRow(spacing=self.fontMetrics().lineSpacing() // 2)
        for box in self.switches.values():
            boxes.addWidget(box)
        grid.addLayout(boxes, 2, 0, 1, 3)
        for row, field in enumerate(self.texts.values(), start=3):
            grid.addWidget(field, row, 0, 1, 3)
        grid.setColumnStretch(1, 1)


_OWN_LABELS = {
    "task": "Task",
    "asset": "Asset",
    "frame_range": "Frames",
    "comment": "Comment",
    "thumbnail": "Thumbnail",
}
_OWN_HINTS = {"asset": "named by the task and the source", "thumbnail": "the middle frame; or 1010, or an image file"}
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
            name: self.task if name == "task" else QtWidgets.QLineEdit() for name in _OWN_LABELS
        }
        grid = QtWidgets.QGridLayout(form := QtWidgets.QWidget())
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        for row, (name, field) in enumerate(self.fields.items()):
            field.setPlaceholderText(_OWN_HINTS.get(name, "as for all sources"))
            style.set_tool_tip(field, OPTIONS[name].help)
            grid.addWidget(style.field_label(_OWN_LABELS[name], field), row, 0)
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
            for name in names or _OWN_LABELS:
                values.pop(name, None)
        self.show_source(self._source if names else "")

    def remarks(self) -> dict[str, str]:
        """Return a line for each source that has values of its own."""
        return {
            source: "  ".join(f"{_OWN_LABELS[name]}: {self._text(name, value)}" for name, value in values.items())
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
