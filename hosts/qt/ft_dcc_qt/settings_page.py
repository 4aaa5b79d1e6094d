"""The page with all settings, their values and origins."""

from __future__ import annotations

from Qt import QtCore, QtWidgets

from ft_dcc.settings.resolve import Settings
from ft_dcc.ui.publish_controller import PublishController

from . import style

_HELP = QtCore.Qt.ItemDataRole.UserRole
_HELP_TEXT = "Settings come from ft_dcc.toml files and the environment; see docs/td/settings.md."


class SettingsPage(QtWidgets.QWidget):
    """One row per setting, read-only."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: Settings | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Setting", "Value", "Source"])
        self.rows.setRootIsDecorated(False)
        self.help = style.text_label(_HELP_TEXT, "dim")
        self.error = style.text_label(tone="error", is_selectable=True)
        self.again = style.button("&Refresh")
        self.again.clicked.connect(controller.queries.read_settings)
        self.rows.currentItemChanged.connect(self._show_help)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.rows, 1)
        column.addWidget(self.help)
        column.addWidget(self.error)
        column.addWidget(self.again, 0, QtCore.Qt.AlignmentFlag.AlignLeft)

    def refresh(self) -> None:
        """Show the settings that the controller has read."""
        settings = self._controller.queries.settings
        self.error.setText(self._controller.queries.error)
        self.error.setVisible(bool(self._controller.queries.error))
        if settings is None or settings == self._shown:
            return
        self._shown = settings
        self.rows.clear()
        for name, value in settings.values.items():
            default = value.setting.default_label.replace("`", "")
            text = value.display_text if value.text is not None else default or value.display_text
            item = QtWidgets.QTreeWidgetItem([name, text, value.origin])
            item.setData(0, _HELP, f"{name}: {value.setting.help}; {', '.join(value.setting.environment)}")
            for column in range(3):
                item.setToolTip(column, item.text(column))
            self.rows.addTopLevelItem(item)
        for column, share in ((0, 24), (1, 46)):
            self.rows.setColumnWidth(column, self.rows.width() * share // 100)

    def _show_help(self, item: QtWidgets.QTreeWidgetItem | None, _: object) -> None:
        self.help.setText(_HELP_TEXT if item is None else str(item.data(0, _HELP)).replace("`", ""))
