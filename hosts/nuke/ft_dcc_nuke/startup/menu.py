"""Nuke runs every menu.py on its path when it has a window: this one never raises."""

# In an old Nuke, Python 2.7 reads this.
from __future__ import print_function


def _start_ft_dcc():
    import sys

    try:
        # An older Python was told so by init.py.
        if sys.version_info >= (3, 9):
            import ft_dcc_nuke

            ft_dcc_nuke.start_window()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with us, Nuke starts
        why = (type(error).__name__, error)
        print("ft-dcc has no menu: %s: %s. Install it again: ft-dcc install nuke." % why, file=sys.stderr)  # noqa: T201


_start_ft_dcc()
del _start_ft_dcc
