"""Maya runs every userSetup.py it finds, one after the other: this one never raises, and never holds it up.

Its syntax is that of Python 2.7 and later, because Maya 2022 can be started with that: there it says one sentence.
"""


def _start_ft_dcc():
    import sys

    try:
        if sys.version_info < (3, 9):
            sys.stderr.write("ft-dcc needs Maya 2023 or later: this Maya runs Python %d.%d.\n" % sys.version_info[:2])
            return
        import ft_dcc_maya

        ft_dcc_maya.start()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with us, Maya starts
        why = (type(error).__name__, error)
        sys.stderr.write("ft-dcc could not be started: %s: %s. Install it again: ft-dcc install maya.\n" % why)


_start_ft_dcc()
# It ran in __main__, where the artist's own names are.
del _start_ft_dcc
