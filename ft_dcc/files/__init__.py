"""Writing files so that they are complete or absent, names of sequences, and the environment of other programs.

Knows nothing of what is in the files.
"""
