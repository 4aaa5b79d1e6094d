"""Uploads and downloads of components' bytes; knows nothing of locations and change tracking."""
