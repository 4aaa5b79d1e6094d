"""What a panel or a dialog shows, when somebody stops it."""

from __future__ import annotations

import socket
import time

from ft_dcc.credentials import Account
from ft_dcc.desk import Desk


def test_a_server_that_takes_a_call_and_never_answers_does_not_hold_up_a_cancel():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        desk = Desk()
        desk.sign_in(Account(f"http://127.0.0.1:{listening.getsockname()[1]}", "ada", "key"))
        waiting, _ = listening.accept()
        with waiting:
            asked_at = time.monotonic()
            desk.cancel()
            assert desk.wait(20)
            # The time-out is 60 s.
            assert time.monotonic() - asked_at < 3
    assert desk.error == "Cancelled."
