"""The command ``ft-dcc`` in this process, which costs no start of an interpreter for each command line."""

import contextlib
import io
import os
import subprocess
from pathlib import Path
from unittest import mock

from ft_dcc.cli.main import run


def account_variables(credentials, jobs=None):
    """Return the variables that name a server and a login; ``jobs`` is the jobs folder."""
    return {
        "FTRACK_SERVER": credentials.server_url,
        "FTRACK_API_USER": credentials.api_user,
        "FTRACK_API_KEY": credentials.api_key,
        **({} if jobs is None else {"FT_DCC_JOBS": str(jobs)}),
    }


def environment(server):
    """Return the variables that name a server process and its login."""
    return account_variables(server.credentials)


def run_command(*arguments, environ=None, folder=None, given=""):
    """Run ``ft-dcc ARGUMENTS``, and return its exit code, stdout and stderr.

    ``environ`` is the whole environment, by default that of this process, ``folder`` the working folder and ``given``
    the text on stdin.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environ or {}, clear=environ is not None))
        stack.enter_context(mock.patch("sys.stdin", io.StringIO(given)))
        stack.enter_context(contextlib.redirect_stdout(stdout))
        stack.enter_context(contextlib.redirect_stderr(stderr))
        if folder is not None:
            stack.callback(os.chdir, Path.cwd())
            os.chdir(folder)
        code = run([str(each) for each in arguments])
    assert "--debug" in arguments or "Traceback" not in stderr.getvalue()
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())


def ft_dcc(*arguments, **environ):
    """Run the command with these variables in addition to those of this process."""
    return run_command(*arguments, environ={**os.environ, **environ})
