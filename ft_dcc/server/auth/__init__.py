"""Authentication and permissions: API keys, signed tokens, logins, roles.

Knows nothing of operations, media or reviews.
"""
