"""Compatibility with ftrack_api and its documentation, and exports of entities.

Knows nothing of the session's class.
"""
