"""Installation of the suite into Maya, Nuke and Blender, diagnosis and removal.

Knows nothing of the command line, the server or publishing.
"""
