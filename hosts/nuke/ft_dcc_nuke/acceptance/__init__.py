"""The checks that ``ft-dcc accept nuke`` runs inside of Nuke."""

from __future__ import annotations

import nuke

from ft_dcc.contract.run import run_requested_checks

from .under_test import NukeUnderTest


def start() -> None:
    """Run the requested checks, and quit Nuke if it has a window."""
    try:
        run_requested_checks(NukeUnderTest())
    finally:
        if nuke.GUI:
            nuke.root().setModified(False)
            nuke.scriptExit()
