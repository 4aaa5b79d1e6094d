"""The page with the settings: what each is, and where that was said."""

from __future__ import annotations

from Qt import QtCore, QtWidgets

from ft_dcc.config import Settings
from ft_dcc.desk import Desk

from . import looks

_HELP = QtCore.Qt.ItemDataRole.UserRole
_HOW = "They are set in ft_dcc.toml files and in the environment; the page docs/settings.md says how."


class SettingsPage(QtWidgets.QWidget):
    """One row a setting, to be read."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._shown: Settings | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Setting", "Value", "Said by"])
        self.rows.setRootIsDecorated(False)
        self.help = looks.said(_HOW, "dim")
        self.error = looks.said(tone="error", is_selectable=True)
        self.again = looks.button("&Refresh")
        self.again.clicked.connect(desk.lookups.read_settings)
        self.rows.currentItemChanged.connect(self._explain)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.rows, 1)
        column.addWidget(self.help)
        column.addWidget(self.error)
        column.addWidget(self.again, 0, QtCore.Qt.AlignmentFlag.AlignLeft)

    def refresh(self) -> None:
        """What is seen is what the desk has read."""
        settings = self._desk.lookups.settings
        self.error.setText(self._desk.lookups.error)
        self.error.setVisible(bool(self._desk.lookups.error))
        if settings is None or settings == self._shown:
            return
        self._shown = settings
        self.rows.clear()
        for name, value in settings.values.items():
            usual = value.setting.default_words.replace("`", "")
            shown = value.shown if value.text is not None else usual or value.shown
            item = QtWidgets.QTreeWidgetItem([name, shown, value.origin])
            item.setData(0, _HELP, f"{name}: {value.setting.help}; {', '.join(value.setting.environment)}")
            for column in range(3):
                item.setToolTip(column, item.text(column))
            self.rows.addTopLevelItem(item)
        for column, share in ((0, 24), (1, 46)):
            self.rows.setColumnWidth(column, self.rows.width() * share // 100)

    def _explain(self, item: QtWidgets.QTreeWidgetItem | None, _: object) -> None:
        self.help.setText(_HOW if item is None else str(item.data(0, _HELP)).replace("`", ""))
