"""State and background work of the publish dialogs, without any toolkit.

Knows nothing of Qt, Blender or the command line.
"""
