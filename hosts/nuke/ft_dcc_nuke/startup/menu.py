"""Add the menu to a Nuke with a window; this script never raises."""

# Python 2.7 of an old Nuke parses this file.
from __future__ import print_function


def _start_ft_dcc():
    import sys

    try:
        # init.py has reported an older Python.
        if sys.version_info >= (3, 9):
            import ft_dcc_nuke

            ft_dcc_nuke.start_window()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Nuke starts whatever is wrong with us
        what = "ft-dcc could not add its menu: %s: %s. Install it again: ft-dcc install nuke."
        print(what % (type(error).__name__, error), file=sys.stderr)  # noqa: T201


_start_ft_dcc()
del _start_ft_dcc
