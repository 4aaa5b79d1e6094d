"""The page to sign in, with an API key or in the browser."""

from __future__ import annotations

from Qt import QtWidgets

from ft_dcc.errors import Error
from ft_dcc.ui.publish_controller import PublishController

from . import layouts, style, tables


class SignInPage(QtWidgets.QWidget):
    """Fields for server, user and API key."""

    def __init__(self, controller: PublishController, program: str) -> None:
        super().__init__()
        self._controller, self._program = controller, program
        self._is_filled = False
        self.server, self.user, self.key = QtWidgets.QLineEdit(), QtWidgets.QLineEdit(), QtWidgets.QLineEdit()
        self.sign_in = style.button("&Sign in", "primary")
        self.browser = style.button("Sign in in the &browser")
        self.cancel = style.button("Ca&ncel")
        self.again = style.button("&Try again")
        self.status, self.error = style.text_label(), style.text_label(tone="error", is_selectable=True)
        self._lay_out()
        self.main = self.sign_in
        self.sign_in.clicked.connect(self._sign_in)
        self.browser.clicked.connect(self._sign_in_browser)
        self.cancel.clicked.connect(controller.cancel)

    def refresh(self) -> None:
        """Show the state of the login."""
        controller, is_busy = self._controller, self._controller.is_busy
        settings = controller.queries.settings
        if settings is not None and not self._is_filled:
            self._is_filled = True
            self.server.setText(self.server.text() or settings.get("server") or "")
            self.user.setText(self.user.text() or settings.get("user") or "")
        for widget in (self.server, self.user, self.key, self.sign_in, self.browser, self.again):
            widget.setEnabled(not is_busy)
        self.cancel.setVisible(is_busy)
        self.status.setText("Signing in …" if is_busy else "Sign in to publish.")
        self.show_error("" if is_busy else controller.error)

    def show_error(self, message: str) -> None:
        """Show the message below the fields."""
        style.show_text(self.error, message)
        self.again.setVisible(bool(message))

    def _lay_out(self) -> None:
        self.server.setPlaceholderText("https://studio.ftrackapp.com")
        self.key.setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText("API key, from your page on the server")
        form = QtWidgets.QFormLayout()
        form.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        form.addRow("Ser&ver", self.server)
        form.addRow("&User", self.user)
        form.addRow("API &key", self.key)
        inside = QtWidgets.QVBoxLayout()
        inside.addStretch(1)
        inside.addWidget(self.status)
        inside.addLayout(form)
        inside.addWidget(self.error)
        inside.addLayout(layouts.WrappingRow(self.sign_in, self.browser, self.again, self.cancel))
        inside.addStretch(2)
        page = QtWidgets.QHBoxLayout(self)
        page.addStretch(1)
        page.addLayout(inside, 4)
        page.addStretch(1)
        self.error.hide()
        self.again.hide()

    def _address(self) -> str:
        text = self.server.text().strip()
        return text if "://" in text or not text else f"https://{text}"

    def _sign_in(self) -> None:
        server, user, key = self._address(), self.user.text().strip(), self.key.text().strip()
        if not (server and user and key):
            self.show_error("Enter server, user and API key, or sign in with the browser, which needs only the server.")
            return
        from ft_dcc.accounts.credentials import Account, save_credentials

        account = Account(server, user, key)
        self._controller.sign_in(account, then=lambda: save_credentials(account))
        self.key.clear()
        self.refresh()

    def _sign_in_browser(self) -> None:
        server = self._address()
        if not server:
            self.show_error("Enter the server’s address first.")
            self.server.setFocus()
            return
        from ft_dcc.accounts.browser_login import start_browser_login
        from ft_dcc.accounts.credentials import save_credentials

        try:
            address, wait_for_account = start_browser_login(server, self._program)
        except Error as error:
            self.show_error(str(error))
            return
        self._controller.sign_in_with(wait_for_account, then=save_credentials)
        tables.open_link(address)
        self.refresh()
