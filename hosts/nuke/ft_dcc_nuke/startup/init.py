"""Start ft-dcc in every Nuke: with a window, in a terminal and on a farm.

It only registers the callbacks for renders, and never raises. Its syntax is that of Python 2.7 and later: Nuke 13,
which has 3.7, and earlier ones get one sentence.
"""

# Python 2.7 of an old Nuke parses this file.
from __future__ import print_function


def _start_ft_dcc():
    import sys

    try:
        if sys.version_info < (3, 9):
            print("ft-dcc needs Nuke 14 or later: this Nuke runs Python %d.%d." % sys.version_info[:2], file=sys.stderr)  # noqa: T201
            return
        import ft_dcc_nuke

        ft_dcc_nuke.start()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Nuke starts whatever is wrong with us
        why = (type(error).__name__, error)
        print("ft-dcc could not be started: %s: %s. Install it again: ft-dcc install nuke." % why, file=sys.stderr)  # noqa: T201


_start_ft_dcc()
# Nuke may run this script in the artist's own namespace.
del _start_ft_dcc
