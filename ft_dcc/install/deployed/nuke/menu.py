"""Add the menu to a Nuke with a window; this script never raises."""


def _start_ft_dcc():
    import sys

    try:
        # init.py has reported an older Python.
        if sys.version_info < (3, 9):
            return
        import ft_dcc_release
        import nuke

        # init.py has reported why it cannot be loaded.
        if ft_dcc_release.activate("nuke", str(nuke.env["NukeVersionMajor"])):
            import ft_dcc_nuke

            ft_dcc_nuke.start_window()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Nuke starts whatever is wrong with us
        what = "ft-dcc could not add its menu: %s: %s. Ask your administrator for: ft-dcc deploy\n"
        sys.stderr.write(what % (type(error).__name__, error))


_start_ft_dcc()
del _start_ft_dcc
