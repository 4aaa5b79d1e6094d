"""The identity map and the caches of entities.

Knows nothing of queries, locations and transfers.
"""
