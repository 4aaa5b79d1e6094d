"""The environment of child processes that need no access to a server."""

from __future__ import annotations

import os

_SECRET_PREFIXES = ("FTRACK_", "FT_DCC_SMTP_")


def environment_without_secrets() -> dict[str, str]:
    """Return this process' environment without its accounts, for a program that reads files of unknown origin."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(_SECRET_PREFIXES)}
