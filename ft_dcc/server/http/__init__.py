"""The HTTP side of the server: middleware, the API endpoint, limits, logs, metrics and static pages."""
