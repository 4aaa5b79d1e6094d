"""Locations of components: accessors, structures and transfers; knows nothing of change tracking and caches."""
