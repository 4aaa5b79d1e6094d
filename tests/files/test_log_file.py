"""The log file of the client, and what is taken out of texts that leave a machine."""

import logging
from pathlib import Path

import pytest

from ft_dcc.files import log_file, masking


@pytest.fixture
def own_log(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file.platformdirs, "user_log_dir", lambda *_, **__: str(tmp_path / "log"))
    # A command of an earlier test in this process may write the log file already.
    logger = logging.getLogger("ft_dcc")
    monkeypatch.setattr(
        logger, "handlers", [each for each in logger.handlers if type(each).__name__ != "_LogFileHandler"]
    )
    log_file.start("test")
    log_file.start("test again")
    yield tmp_path / "log"


def test_log_has_commands_warnings_and_tracebacks_without_secrets_and_rotates(own_log, monkeypatch):
    log_file.write("publish to https://s/review/5f0c/Secr3t-Key#1 apiKey=abc")
    logging.getLogger("ft_dcc.session").warning("the cache is old")
    logging.getLogger("ft_dcc.session").info("not in the file")
    try:
        raise ValueError("no frames")
    except ValueError as error:
        log_file.write("ended", "ERROR", error)
    (path,) = own_log.iterdir()
    text = path.read_text("utf-8")
    assert text.count("starts. Python") == 1
    assert "/review/5f0c/***#1 apiKey=***" in text and "WARNING ft_dcc.session: the cache is old" in text
    assert "not in the file" not in text and "\n    ValueError: no frames\n" in text
    monkeypatch.setattr(log_file, "MAX_BYTES", 10)
    for number in range(6):
        log_file.write(f"line {number}")
    assert sorted(each.name for each in own_log.iterdir()) == sorted(each.name for each in log_file.log_files())
    assert "line 5" in path.read_text("utf-8") and "line 2" in (own_log / "ft-dcc.3.log").read_text("utf-8")


def test_a_log_that_cannot_be_written_stops_nothing(own_log, monkeypatch):
    monkeypatch.setattr(log_file.platformdirs, "user_log_dir", lambda *_, **__: str(own_log / "ft-dcc.log" / "below"))
    log_file.write("lost")


def test_home_folders_mail_addresses_and_links_are_anonymised():
    home = str(Path.home())
    for text, expected in (
        (f"{home}/jobs and /home/ada/x, /Users/ida/x", "~/jobs and ~/x, ~/x"),
        (r'"C:\\Users\\ada\\x" C:\Users\ada\x', r'"~\\x" ~\x'),
        ("to ida@example.com", "to ***"),
        (
            "http://s/user/sign_in/abc_-1?next=/ http://s/component/upload/eyJ.x-y_z",
            "http://s/user/sign_in/***?next=/ http://s/component/upload/***",
        ),
        ("the-key", "***"),
    ):
        assert masking.anonymise(text, ("the-key", "")) == expected
