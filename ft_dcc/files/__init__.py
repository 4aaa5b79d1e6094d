"""Atomic files, checksums, names of sequences, environments of other programs; knows nothing of the content."""
