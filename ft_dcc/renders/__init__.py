"""Renders of compositing programs: the log that each execution writes, and the publish of complete renders.

It knows the publish package, and nothing of a particular host.
"""
