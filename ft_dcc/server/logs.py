"""The server's log: one JSON object a line, without addresses, because those carry keys, tokens and review links."""

from __future__ import annotations

import json
import logging
import sys
import time

# What the record of a request has beside its message.
REQUEST_FIELDS = ("reference", "route", "method", "status", "seconds", "received", "sent")


class JsonLines(logging.Formatter):
    """One line of JSON for each record: time in UTC, level, logger, message, and what a request's record adds."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one object, without a line break in it."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: getattr(record, name) for name in REQUEST_FIELDS if hasattr(record, name)},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to_stderr(level: str) -> None:
    """Everything that the server logs from this level on goes to the standard error stream, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
