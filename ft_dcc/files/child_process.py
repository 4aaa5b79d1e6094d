"""The environment of child processes that need no access to a server."""

from __future__ import annotations

import os
import re

# Accounts of this project, and what other programs call their secrets; proxies can have a password in their address.
_SECRET = re.compile(
    r"FTRACK_|FT_DCC_SMTP_|.*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|_PROXY\Z)", re.IGNORECASE
)


def environment_without_secrets() -> dict[str, str]:
    """Return this process' environment without its accounts, for a program that reads files of unknown origin."""
    return {name: value for name, value in os.environ.items() if not _SECRET.match(name)}
