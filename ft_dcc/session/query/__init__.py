"""Query expressions, results, and the fetching of missing values.

Knows nothing of caches, locations and transfers.
"""
