"""Start the deployed ft-dcc with Maya.

Maya runs every userSetup.py that it finds, one after the other: this one never raises, and never delays the others. Its
syntax is that of Python 2.7 and later, because Maya 2022 can be started with that; such a Python gets one sentence.
"""


def _start_ft_dcc():
    import sys

    try:
        if sys.version_info < (3, 9):
            sys.stderr.write("ft-dcc needs Maya 2023 or later: this Maya runs Python %d.%d.\n" % sys.version_info[:2])
            return
        import ft_dcc_release
        from maya import cmds

        if ft_dcc_release.activate("maya", str(cmds.about(version=True))[:4]):
            import ft_dcc_maya

            ft_dcc_maya.start()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Maya starts whatever is wrong with us
        why = (type(error).__name__, error)
        sys.stderr.write("ft-dcc could not be started: %s: %s. Ask your administrator for: ft-dcc deploy\n" % why)


_start_ft_dcc()
# This script runs in __main__, the artist's own namespace.
del _start_ft_dcc
