"""Authentication and permissions: API keys, signed tokens, logins, roles."""
