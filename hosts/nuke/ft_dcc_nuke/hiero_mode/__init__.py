"""Hiero: timelines in projects, without a script, its nodes and its renders.

It is the program of Nuke, started with ``--hiero``. Sources: Foundry's Hiero Python guide, the Python code that Foundry
installs with it, and tk-nuke of ShotGrid, which runs in Hiero and says what is missing there, such as
``nuke.message``. None of this has been run in Hiero.
"""
