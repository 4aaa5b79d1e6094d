"""Add the menu to Hiero, and the right click on timelines to Nuke Studio; this script never raises.

Both import it when their window is ready, as a script in ``Python/StartupUI`` of a folder on HIERO_PLUGIN_PATH. Source:
Foundry's Hiero Python guide, "Environment Setup". Its syntax is that of Python 2.7 and later, as that of init.py.
"""

# Python 2.7 of an old Hiero parses this file.
from __future__ import print_function


def _start_ft_dcc():
    import os
    import sys

    try:
        if sys.version_info < (3, 9):
            # In Nuke Studio, and perhaps in Hiero, init.py has reported it.
            if not hasattr(sys, "ft_dcc_reported_python"):
                what = "ft-dcc needs Hiero 14 or later: this Hiero runs Python %d.%d."
                print(what % sys.version_info[:2], file=sys.stderr)  # noqa: T201
            return
        # Hiero need not have the folders of NUKE_PATH on its path.
        folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
        if folder not in sys.path:
            sys.path.append(folder)
        import ft_dcc_nuke

        ft_dcc_nuke.start_timelines()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Hiero starts whatever is wrong with us
        what = "ft-dcc could not be started: %s: %s. Install it again: ft-dcc install nuke."
        print(what % (type(error).__name__, error), file=sys.stderr)  # noqa: T201


_start_ft_dcc()
del _start_ft_dcc
