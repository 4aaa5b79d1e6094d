"""Renders of Write nodes: the callbacks that record them and the thread that publishes them.

It knows the core and the nodes, and nothing of menus and the dialog.
"""

# Frame Server and background renders are child processes: they inherit the id of the window.
WINDOW_VARIABLE = "FT_DCC_NUKE_WINDOW"
