"""Uploads and downloads of components' bytes.

Knows nothing of locations and change tracking.
"""
