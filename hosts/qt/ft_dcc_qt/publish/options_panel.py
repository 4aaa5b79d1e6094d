"""The options of a publish that are seldom changed: look, size, sound, burn-in, slate, scene file, status."""

from __future__ import annotations

from typing import Any

from Qt import QtWidgets

from ft_dcc.errors import Error, SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.host import Host, SupportsLooks
from ft_dcc.publish.slate_template import read_slate
from ft_dcc.settings.publish_options import BURNIN_POSITIONS
from ft_dcc.settings.resolve import Settings
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc_qt import style
from ft_dcc_qt.layouts import WrappingRow, hide_unplaced

# What is burnt in if the settings name nothing.
_BURNIN = {"top left": "{project}  {shot}", "bottom left": "{task}  {version}", "bottom right": "{frame}"}


class OptionsPanel(QtWidgets.QWidget):
    """Fields with the settings' values until the artist changes them."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._settings: Settings | None = None
        self._looks: dict[str, dict[str, Any]] = {}
        self.look, self.scale, self.status = style.ComboBox(), style.ComboBox(), QtWidgets.QLineEdit()
        self.look.setToolTip("How the cameras are drawn. Further looks: the setting “looks”.")
        self.scale.addItems(["Full size", "Half size"])
        self.only_selected = style.CheckBox("Selected objects only")
        self.sound, self.burnin = style.CheckBox("Sound"), style.CheckBox("Burn-in")
        self.slate, self.include_scene = style.CheckBox("Slate"), style.CheckBox("Scene file")
        self.include_scene.setToolTip("Upload the saved scene file as a part of the version.")
        self.sound.setChecked(True)
        self.status.setPlaceholderText("Status: as the settings say")
        self.status.setToolTip("The status of the new version, such as “Pending Review”.")
        self._lay_out()
        hide_unplaced(self)

    @property
    def fields(self) -> list[QtWidgets.QWidget]:
        """The fields in the order of the Tab key."""
        of_capture = [self.look, self.scale, self.only_selected] if self._has_looks else []
        of_host = [] if self._host is None else [self.sound, self.include_scene]
        return [*of_capture, *of_host, self.burnin, self.slate, self.status]

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
        self.burnin.setChecked(any(settings.get(f"burnin_{place}") for place in BURNIN_POSITIONS))
        self.slate.setChecked(settings.get("slate") == "true")
        self.include_scene.setChecked(settings.get("include_scene") == "true")
        if status := settings.get("status"):
            self.status.setPlaceholderText(f"Status: {status}")
        if self._has_looks:
            self._show_looks(settings)

    def values(self, sources: tuple[str, ...]) -> dict[str, Any]:
        """Return the options of the request for these sources; raise SettingInvalid."""
        found: dict[str, Any] = {"status": self.status.text().strip() or None}
        if self._settings is not None:
            has_burnin = any(self._settings.get(f"burnin_{place}") for place in BURNIN_POSITIONS)
            if self.burnin.isChecked() != has_burnin:
                found["burnin"] = _BURNIN if self.burnin.isChecked() else {}
            if self.slate.isChecked() != (self._settings.get("slate") == "true"):
                found["slate"] = read_slate(self._settings).lines if self.slate.isChecked() else ()
            if self._host is not None:
                found["include_scene"] = self.include_scene.isChecked()
        if self._host is not None:
            found["scene_sound"] = self.sound.isChecked()
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
        for box in self.fields:
            if box in (self.sound, self.burnin, self.slate, self.include_scene):
                boxes.addWidget(box)
        grid.addLayout(boxes, 2, 0, 1, 3)
        grid.addWidget(self.status, 3, 0, 1, 3)
        grid.setColumnStretch(1, 1)
