"""Nuke runs every init.py on its path, in the window, in a terminal and on a farm: this one never raises.

It only says whom Nuke is to call when a Write node renders. Its syntax is that of Python 2.7 and later: Nuke 13, which
has 3.7, and those before it are told one sentence.
"""

# In an old Nuke, Python 2.7 reads this.
from __future__ import print_function


def _start_ft_dcc():
    import sys

    try:
        if sys.version_info < (3, 9):
            print("ft-dcc needs Nuke 14 or later: this Nuke runs Python %d.%d." % sys.version_info[:2], file=sys.stderr)  # noqa: T201
            return
        import ft_dcc_nuke

        ft_dcc_nuke.start()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with us, Nuke starts
        why = (type(error).__name__, error)
        print("ft-dcc could not be started: %s: %s. Install it again: ft-dcc install nuke." % why, file=sys.stderr)  # noqa: T201


_start_ft_dcc()
# Nuke may run it where the artist's own names are.
del _start_ft_dcc
