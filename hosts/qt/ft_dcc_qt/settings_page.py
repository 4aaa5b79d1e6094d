"""The pages about this installation: all settings with their values and sources, and the versions of everything."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import Qt
from Qt import QtCore, QtWidgets

from ft_dcc.host import Host
from ft_dcc.settings.definitions import GROUPS, label_of
from ft_dcc.settings.setting import Setting
from ft_dcc.ui.publish_controller import PublishController

from . import layouts, style, tables

_LICENCE = "Apache-2.0. Publish plugins run in pyblish (LGPL-3.0). ffmpeg, a separate program, encodes."
_HELP_TEXT = "Select a setting to change it for yourself. Files of the project and the studio are changed in an editor."
_OVERRIDDEN = "{} precedes the files, so a value that is saved here has no effect until it is removed there."


class SettingsPage(tables.ListPage):
    """Groups of settings, and a field for the selected one, by its kind; a semicolon separates several values."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__(controller, "Reading the settings …", "Setting", "Value", "Source", stretched=1)
        self.help = style.text_label(_HELP_TEXT, "dim")
        self.field = QtWidgets.QLineEdit()
        self.choice, self.tick = style.ComboBox(), QtWidgets.QCheckBox("Yes")
        self.save, self.remove = style.button("&Save for me", "primary"), style.button("Re&move mine")
        self.main, self._fields = self.save, (self.field, self.choice, self.tick)
        self.again.clicked.connect(controller.queries.read_settings)
        self.save.clicked.connect(lambda: self._write(self._entered()))
        self.remove.clicked.connect(lambda: self._write(None))
        self.rows.currentItemChanged.connect(lambda *_: self._choose())
        buttons = layouts.WrappingRow(self.save, self.remove, self.again)
        layouts.fill_column(self, self.empty_label, self.rows, self.help, *self._fields, self.error, buttons)
        self._choose()

    def refresh(self) -> None:
        """Show the settings that the controller has read."""
        settings = self._controller.queries.settings
        style.show_text(self.error, self._controller.queries.error)
        self.show_rows(settings is None)
        if settings is None or settings == self._shown:
            return
        self._shown = settings
        for item in self.rows.fill(self._grouped_rows(), selects_first=False):
            if item.data(0, tables.KEY) is None:
                item.setFlags(QtCore.Qt.ItemFlag.ItemIsEnabled)
                item.setFirstColumnSpanned(True)
                font = item.font(0)
                font.setBold(True)
                item.setFont(0, font)
            for column in range(3):
                style.set_tool_tip(item, item.text(column), column)

    def _grouped_rows(self) -> Iterator[tuple[str | None, tuple[str, str, str]]]:
        rows, values = {name: (value, origin) for name, value, origin in self._shown.rows()}, self._shown.values
        for group, names in {**GROUPS, "Sections": tuple(name for name in rows if name not in values)}.items():
            if names:
                yield None, (group, "", "")
            for name in names:
                text, origin = rows[name]
                if name not in values:
                    yield name, (name, text, origin)
                    continue
                is_switch = values[name].setting.is_boolean
                shown = {"true": "yes", "false": "no"}.get(text, text) if is_switch else text
                yield name, (label_of(values[name].setting), shown, origin)

    def _entered(self) -> str:
        if self.tick.isVisibleTo(self):
            return "true" if self.tick.isChecked() else "false"
        return str(self.choice.currentText() if self.choice.isVisibleTo(self) else self.field.text())

    def _show_value(self, setting: Setting | None, text: str) -> None:
        """Show the value in the field of the setting's kind: a tick, a list of choices, or a text."""
        choices = setting.choices if setting is not None else ()
        is_switch = setting is not None and setting.is_boolean
        self.tick.setVisible(is_switch)
        self.tick.setChecked(text == "true")
        self.choice.setVisible(bool(choices))
        self.choice.clear()
        self.choice.addItems(choices)
        self.choice.setCurrentText(text)
        self.field.setVisible(not choices and not is_switch)
        self.field.setText(text)

    def _choose(self) -> None:
        value = self._shown.values.get(self.rows.key or "") if self._shown is not None else None
        locks = {} if self._shown is None else self._shown.locks
        is_editable = value is not None and not value.setting.is_secret and self.rows.key not in locks
        for widget in (*self._fields, self.save):
            widget.setEnabled(is_editable)
        self.remove.setEnabled(value is not None and value.origin.startswith("user: "))
        if value is None:
            self._show_value(None, "")
            self.help.setText(_HELP_TEXT)
            return
        separator, setting = value.setting.separator, value.setting
        text = "" if setting.is_secret else value.text or ""
        self._show_value(setting, "; ".join(text.split(separator)) if separator else text)
        overridden = _OVERRIDDEN.format(value.origin) if value.origin.startswith("environment") else ""
        help_text = f"{self.rows.key}: {setting.help}; {', '.join(setting.environment)}. {overridden}"
        self.help.setText(help_text.replace("`", "").strip())

    def _write(self, entered: str | None) -> None:
        """Save what was entered for the selected setting; None removes the user's own value."""
        name, queries = self.rows.key, self._controller.queries
        if self._shown is None or not name:
            return
        separator = self._shown.values[name].setting.separator or ""
        if entered is not None:
            parts = entered.split(";") if separator else [entered]
            entered = separator.join(part.strip() for part in parts)

        def work() -> None:
            from ft_dcc.settings.resolve import read_settings
            from ft_dcc.settings.user_file import write_user_setting

            write_user_setting(name, entered)
            queries.settings = read_settings(scope=queries.scope)

        queries.run("Saving the setting", work)


class AboutPage(QtWidgets.QWidget):
    """One line per fact, to be copied into a support request."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._versions: dict[str, str] = {}
        self.details = QtWidgets.QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.copy = style.button("Cop&y")
        self.copy.clicked.connect(lambda: QtWidgets.QApplication.clipboard().setText(self.details.toPlainText()))
        layouts.fill_column(self, self.details, layouts.WrappingRow(self.copy))

    def refresh(self) -> None:
        """Show the versions and the account."""
        if not self._versions:
            # Set first, because the worker may have finished before the next line.
            self._versions = {"ft-dcc": ""}
            self._controller.queries.run("Reading versions", self._read)
        controller = self._controller
        server = f"{controller.server} as {controller.user}" if controller.session else "not signed in"
        values = {**self._versions, "server": server, "licence": _LICENCE}
        text = "\n".join(f"{name}: {value}" for name, value in values.items())
        if text != self.details.toPlainText():
            self.details.setPlainText(text)

    def _read(self) -> None:
        from importlib import metadata

        host, shim = self._host, getattr(Qt, "__version__", "")
        self._versions = {
            "ft-dcc": metadata.version("ft-dcc"),
            "program": "desktop" if host is None else f"{host.name} {host.version}",
            "Python": platform.python_version(),
            "Qt": f"{QtCore.qVersion()} by {Qt.__binding__} {Qt.__binding_version__}, Qt.py {shim}",
            "pyblish-base": metadata.version("pyblish-base"),
            "system": platform.platform(),
        }
