"""The command ``ft-dcc`` within the process of a test."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ft_dcc.cli.main import run


def ft_dcc(*arguments: str, **environ: str) -> SimpleNamespace:
    """Run the command in this process, with these variables in its environment."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, environ), redirect_stdout(stdout), redirect_stderr(stderr):
        code = run(arguments)
    return SimpleNamespace(returncode=code, stdout=stdout.getvalue(), stderr=stderr.getvalue())


def environment(server: Any) -> dict[str, str]:
    """Return the variables that name a server and a login."""
    known = server.credentials
    return {
        "FTRACK_SERVER": known.server_url,
        "FTRACK_API_USER": known.api_user,
        "FTRACK_API_KEY": known.api_key,
    }
