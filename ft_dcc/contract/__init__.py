"""Acceptance checks that run inside of a real Maya, Nuke or Blender, started by ``ft-dcc accept``.

Knows the interface of a host and the publisher, but no particular host and nothing of the command line.
"""
