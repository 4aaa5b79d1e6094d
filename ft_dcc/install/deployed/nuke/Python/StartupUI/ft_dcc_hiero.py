"""Add the menu of the deployed ft-dcc to Hiero, and the right click on timelines to Nuke Studio.

Both import it when their window is ready, as a script in ``Python/StartupUI`` of a folder on HIERO_PLUGIN_PATH. Source:
Foundry's Hiero Python guide, "Environment Setup". It never raises. Its syntax is that of Python 2.7 and later.
"""


def _start_ft_dcc():
    import os
    import sys

    try:
        if sys.version_info < (3, 9):
            # In Nuke Studio, and perhaps in Hiero, init.py has reported it.
            if not hasattr(sys, "ft_dcc_reported_python"):
                what = "ft-dcc needs Hiero 14 or later: this Hiero runs Python %d.%d.\n"
                sys.stderr.write(what % sys.version_info[:2])
            return
        # Hiero need not have the folders of NUKE_PATH on its path.
        folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        if folder not in sys.path:
            sys.path.append(folder)
        import ft_dcc_release
        import nuke

        if ft_dcc_release.activate("nuke", str(nuke.env["NukeVersionMajor"])):
            import ft_dcc_nuke

            ft_dcc_nuke.start_timelines()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Hiero starts whatever is wrong with us
        why = (type(error).__name__, error)
        sys.stderr.write("ft-dcc could not be started: %s: %s. Ask your administrator for: ft-dcc deploy\n" % why)


_start_ft_dcc()
del _start_ft_dcc
