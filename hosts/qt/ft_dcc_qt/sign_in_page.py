"""The page for whoever is not signed in: by a key, or on the server's own page."""

from __future__ import annotations

from Qt import QtWidgets

from ft_dcc.desk import Desk
from ft_dcc.errors import Error

from . import looks
from .links import open_link


class SignInPage(QtWidgets.QWidget):
    """Who somebody is, and on which server."""

    def __init__(self, desk: Desk, program: str) -> None:
        super().__init__()
        self._desk, self._program = desk, program
        self._is_filled = False
        self.server, self.user, self.key = QtWidgets.QLineEdit(), QtWidgets.QLineEdit(), QtWidgets.QLineEdit()
        self.sign_in = looks.button("&Sign in", "primary")
        self.browser = looks.button("Sign in in the &browser")
        self.cancel = looks.button("Ca&ncel")
        self.again = looks.button("&Try again")
        self.words, self.error = looks.said(), looks.said(tone="error", is_selectable=True)
        self._lay_out()
        self.main = self.sign_in
        self.sign_in.clicked.connect(self._sign_in)
        self.browser.clicked.connect(self._sign_in_browser)
        self.cancel.clicked.connect(desk.cancel)

    def refresh(self) -> None:
        """What is seen is how far the signing in is."""
        desk, is_busy = self._desk, self._desk.is_busy
        settings = desk.lookups.settings
        if settings is not None and not self._is_filled:
            self._is_filled = True
            self.server.setText(self.server.text() or settings.get("server") or "")
            self.user.setText(self.user.text() or settings.get("user") or "")
        for widget in (self.server, self.user, self.key, self.sign_in, self.browser, self.again):
            widget.setEnabled(not is_busy)
        self.cancel.setVisible(is_busy)
        self.words.setText("Signing in …" if is_busy else "Sign in to publish.")
        self.tell("" if is_busy else desk.error)

    def tell(self, sentence: str) -> None:
        """The sentence is what the artist reads under the fields."""
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
        self.again.setVisible(bool(sentence))

    def _lay_out(self) -> None:
        self.server.setPlaceholderText("https://studio.ftrackapp.com")
        self.key.setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText("API key, from your page on the server")
        form = QtWidgets.QFormLayout()
        form.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        form.addRow("Ser&ver", self.server)
        form.addRow("&User", self.user)
        form.addRow("API &key", self.key)
        buttons = QtWidgets.QHBoxLayout()
        for button in (self.sign_in, self.browser, self.again, self.cancel):
            buttons.addWidget(button)
        buttons.addStretch(1)
        inside = QtWidgets.QVBoxLayout()
        inside.addStretch(1)
        inside.addWidget(self.words)
        inside.addLayout(form)
        inside.addWidget(self.error)
        inside.addLayout(buttons)
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
            self.tell("Server, user and API key are needed. Or sign in in the browser: that needs the server alone.")
            return
        from ft_dcc.credentials import Account, remember

        account = Account(server, user, key)
        self._desk.sign_in(account, then=lambda: remember(account))
        self.key.clear()
        self.refresh()

    def _sign_in_browser(self) -> None:
        server = self._address()
        if not server:
            self.tell("Write the server’s address first.")
            self.server.setFocus()
            return
        from ft_dcc.credentials import remember
        from ft_dcc.sign_in import begin_in_browser

        try:
            address, wait_for_account = begin_in_browser(server, self._program)
        except Error as error:
            self.tell(str(error))
            return
        self._desk.sign_in_later(wait_for_account, then=remember)
        open_link(address)
        self.refresh()
