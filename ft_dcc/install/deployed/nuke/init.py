"""Start the deployed ft-dcc in every Nuke: with a window, in a terminal and on a farm.

It never raises. Its syntax is that of Python 2.7 and later: Nuke 13, which has 3.7, and earlier ones get one sentence.
"""


def _start_ft_dcc():
    import sys

    try:
        if sys.version_info < (3, 9):
            sys.stderr.write("ft-dcc needs Nuke 14 or later: this Nuke runs Python %d.%d.\n" % sys.version_info[:2])
            return
        import ft_dcc_release
        import nuke

        if ft_dcc_release.activate("nuke", str(nuke.env["NukeVersionMajor"])):
            import ft_dcc_nuke

            ft_dcc_nuke.start()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Nuke starts whatever is wrong with us
        why = (type(error).__name__, error)
        sys.stderr.write("ft-dcc could not be started: %s: %s. Ask your administrator for: ft-dcc deploy\n" % why)


_start_ft_dcc()
# Nuke may run this script in the artist's own namespace.
del _start_ft_dcc
