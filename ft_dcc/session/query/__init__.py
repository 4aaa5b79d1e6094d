"""Query expressions, results, and inherited values; knows nothing of caches, locations and transfers."""
