"""The options of a publish that are seldom changed: look and size, and those with a field in the table of options."""

from __future__ import annotations

from typing import Any

import attrs
from Qt import QtWidgets

from ft_dcc.errors import Error, SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.host import Host, SupportsLooks
from ft_dcc.settings.publish_options import BURNIN_POSITIONS, SWITCH, Option, PublishOptions, for_form
from ft_dcc.settings.resolve import Settings
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc_qt import style
from ft_dcc_qt.layouts import WrappingRow, hide_unplaced

_DEFAULTS = {field.name: field.default for field in attrs.fields(PublishOptions)}


class OptionsPanel(QtWidgets.QWidget):
    """Fields with the settings' values until the artist changes them."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._settings: Settings | None = None
        self._looks: dict[str, dict[str, Any]] = {}
        self.look, self.scale = style.ComboBox(), style.ComboBox()
        self.look.setToolTip("How the cameras are drawn. Further looks: the setting “looks”.")
        self.scale.addItems(["Full size", "Half size"])
        self.only_selected = style.CheckBox("Selected objects only")
        # In reverse, so that those of the scene come first. Those with several choices are left to the settings.
        table = reversed(list(for_form(in_host=host is not None).items()))
        self._options = {name: option for name, option in table if not option.choices}
        self.switches, self.texts = self._make_switches(), self._make_texts()
        self._lay_out()
        hide_unplaced(self)

    def _make_switches(self) -> dict[str, QtWidgets.QCheckBox]:
        found: dict[str, QtWidgets.QCheckBox] = {}
        for name, option in self._options.items():
            if option.kind is SWITCH:
                found[name] = style.CheckBox(option.label)
                found[name].setToolTip(option.help)
                found[name].setChecked(self._default_state(name, option))
        return found

    def _make_texts(self) -> dict[str, QtWidgets.QLineEdit]:
        found: dict[str, QtWidgets.QLineEdit] = {}
        for name, option in self._options.items():
            if option.kind is not SWITCH:
                found[name] = QtWidgets.QLineEdit()
                found[name].setPlaceholderText(f"{option.label}: as the settings say")
                found[name].setToolTip(option.help)
        return found

    @property
    def fields(self) -> list[QtWidgets.QWidget]:
        """The fields in the order of the Tab key."""
        of_capture = [self.look, self.scale, self.only_selected] if self._has_looks else []
        return [*of_capture, *self.switches.values(), *self.texts.values()]

    @property
    def chosen_look(self) -> dict[str, Any]:
        """The options of the look."""
        options = dict(self._looks.get(self.look.currentText(), {}))
        return {**options, "isolate_selected": True} if self.only_selected.isChecked() else options

    def refresh(self) -> None:
        """Show the settings when they have changed."""
        settings = self._controller.queries.settings
        if settings is None or settings == self._settings:
            return
        self._settings = settings
        for name, box in self.switches.items():
            box.setChecked(self._default_state(name, self._options[name]))
        for name, field in self.texts.items():
            setting = self._options[name].setting
            if setting is not None and (value := settings.get(setting.name)):
                field.setPlaceholderText(f"{self._options[name].label}: {value}")
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
        found: dict[str, Any] = {
            name: box.isChecked()
            for name, box in self.switches.items()
            if box.isChecked() != self._default_state(name, self._options[name])
        }
        found.update({name: text for name, field in self.texts.items() if (text := field.text().strip())})
        if self._has_looks:
            found["look"] = self.chosen_look
            found["resolution"] = self._resolution(sources)
        return found

    @property
    def _has_looks(self) -> bool:
        return isinstance(self._host, SupportsLooks)

    def _resolution(self, sources: tuple[str, ...]) -> Resolution | None:
        scene = self._controller.queries.scene
        if self.scale.currentIndex() == 0 or scene is None:
            return None
        if not set(sources) <= set(scene.sources):
            raise SettingInvalid(
                "Only cameras can be captured at half size. Choose the full size, or untick the files."
            )
        # Divisible by 4, as Maya on Windows needs it.
        return Resolution(*(max(4, size // 8 * 4) for size in (scene.resolution.width, scene.resolution.height)))

    def _show_looks(self, settings: Settings) -> None:
        from ft_dcc.host_support.looks import find_looks

        try:
            self._looks = {name: dict(options) for name, options in find_looks(self._host, settings).items()}
        except Error as error:
            # The publish reports it, too.
            self.look.setToolTip(str(error))
            self._looks = {}
        chosen = self.look.currentText()
        self.look.clear()
        self.look.addItems(list(self._looks))
        self.look.setCurrentIndex(max(0, self.look.findText(chosen)))

    def _lay_out(self) -> None:
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        if self._has_looks:
            grid.addWidget(style.field_label("Loo&k", self.look), 0, 0)
            grid.addWidget(self.look, 0, 1)
            grid.addWidget(self.scale, 0, 2)
            grid.addWidget(self.only_selected, 1, 1, 1, 2)
        boxes = WrappingRow(spacing=self.fontMetrics().lineSpacing() // 2)
        for box in self.switches.values():
            boxes.addWidget(box)
        grid.addLayout(boxes, 2, 0, 1, 3)
        for row, field in enumerate(self.texts.values(), start=3):
            grid.addWidget(field, row, 0, 1, 3)
        grid.setColumnStretch(1, 1)
