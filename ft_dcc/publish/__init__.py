"""Publish from a host or from files to a version in a review session.

It knows the session, the media package and the host protocol, and nothing of a particular host, a toolkit or the
server.
"""
