"""Writing files so that they are complete or absent, and the environment of programs that read foreign ones.

Knows nothing of what is in the files.
"""
