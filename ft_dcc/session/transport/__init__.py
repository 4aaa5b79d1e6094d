"""The HTTP transport to the server: requests, retries, cancellation and JSON.

Knows nothing of entities and sessions.
"""
