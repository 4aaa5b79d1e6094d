"""The entity types of a site: their classes, made from the server's schemas, and their methods.

Knows nothing of the session, its change tracking and its caches.
"""
