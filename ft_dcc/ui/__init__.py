"""State and background work of the publish dialogs, without Qt, Blender or the command line."""
