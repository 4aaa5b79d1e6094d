"""Administration of a studio: users, roles, keys, import and export, with or without a running server."""
