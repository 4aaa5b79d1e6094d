"""The HTTP side of the server: middleware, the API endpoint, limits, logs, metrics and static pages.

Knows nothing of users' keys, the schema or media; the application passes in what answers a request.
"""
