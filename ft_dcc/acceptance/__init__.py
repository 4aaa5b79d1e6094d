"""The acceptance kit: what a studio has its own Maya, Nuke or Blender try, and the answers as JSON.

It runs inside of the program, on the suite as it is installed there. ``ft-dcc accept`` starts it.
"""
