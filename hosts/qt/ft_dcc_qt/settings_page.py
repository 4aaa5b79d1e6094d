"""The page with all settings, their values and origins; the user's own values are changed here."""

from __future__ import annotations

from Qt import QtCore, QtWidgets

from ft_dcc.settings.resolve import Settings
from ft_dcc.ui.publish_controller import PublishController

from . import style
from .layouts import WrappingRow

_NAME = QtCore.Qt.ItemDataRole.UserRole
_HELP_TEXT = "Select a setting to change it for yourself. Files of the project and the studio are changed in an editor."
_OVERRIDDEN = "{} precedes the files, so a value that is saved here has no effect until it is removed there."


class SettingsPage(QtWidgets.QWidget):
    """One row per setting, and a field for the selected one; several values are separated by a semicolon."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: Settings | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Setting", "Value", "Source"])
        self.rows.setRootIsDecorated(False)
        self.help = style.text_label(_HELP_TEXT, "dim")
        self.field = QtWidgets.QLineEdit()
        self.field.setEnabled(False)
        self.save, self.remove = style.button("&Save for me", "primary"), style.button("Re&move mine")
        self.error = style.text_label(tone="error", is_selectable=True)
        self.again = style.button("&Refresh")
        self.main = self.save
        self.again.clicked.connect(controller.queries.read_settings)
        self.save.clicked.connect(lambda: self._write(self._entered))
        self.remove.clicked.connect(lambda: self._write(None))
        self.rows.currentItemChanged.connect(lambda *_: self._choose())
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.rows, 1)
        column.addWidget(self.help)
        column.addWidget(self.field)
        column.addWidget(self.error)
        column.addLayout(WrappingRow(self.save, self.remove, self.again))
        self._choose()

    def refresh(self) -> None:
        """Show the settings that the controller has read."""
        settings = self._controller.queries.settings
        self.error.setText(self._controller.queries.error)
        self.error.setVisible(bool(self._controller.queries.error))
        if settings is None or settings == self._shown:
            return
        self._shown, chosen = settings, self.name
        self.rows.clear()
        for name, value in settings.values.items():
            default = value.setting.default_label.replace("`", "")
            text = value.display_text if value.text is not None else default or value.display_text
            item = QtWidgets.QTreeWidgetItem([name, text, value.origin])
            item.setData(0, _NAME, name)
            for column in range(3):
                item.setToolTip(column, item.text(column))
            self.rows.addTopLevelItem(item)
            if name == chosen:
                self.rows.setCurrentItem(item)
        for column, share in ((0, 24), (1, 46)):
            self.rows.setColumnWidth(column, self.rows.width() * share // 100)

    @property
    def name(self) -> str:
        """Return the name of the selected setting, "" if none is selected."""
        item = self.rows.currentItem()
        return "" if item is None else str(item.data(0, _NAME))

    @property
    def _entered(self) -> str:
        separator = self._shown.values[self.name].setting.separator if self._shown is not None else None
        parts = self.field.text().split(";") if separator else [self.field.text()]
        return (separator or "").join(part.strip() for part in parts)

    def _choose(self) -> None:
        value = self._shown.values.get(self.name) if self._shown is not None else None
        is_editable = value is not None and not value.setting.is_secret
        for widget in (self.field, self.save):
            widget.setEnabled(is_editable)
        self.remove.setEnabled(value is not None and value.origin.startswith("user: "))
        if value is None:
            self.field.clear()
            self.help.setText(_HELP_TEXT)
            return
        separator, setting = value.setting.separator, value.setting
        text = "" if setting.is_secret else value.text or ""
        self.field.setText("; ".join(text.split(separator)) if separator else text)
        overridden = _OVERRIDDEN.format(value.origin) if value.origin.startswith("environment") else ""
        help_text = f"{self.name}: {setting.help}; {', '.join(setting.environment)}. {overridden}"
        self.help.setText(help_text.replace("`", "").strip())

    def _write(self, text: str | None) -> None:
        name, queries = self.name, self._controller.queries
        if not name:
            return

        def work() -> None:
            from ft_dcc.settings.resolve import read_settings
            from ft_dcc.settings.user_file import write_user_setting

            write_user_setting(name, text)
            queries.settings = read_settings()

        queries.run("Saving the setting", work)
