"""Renders of Write nodes: the callbacks that record them and the thread that publishes them.

It knows the core and the nodes, and nothing of menus and the dialog.
"""
