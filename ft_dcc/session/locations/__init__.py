"""Locations of components: accessors, structures, and transfers between them.

Knows nothing of change tracking and caches.
"""
