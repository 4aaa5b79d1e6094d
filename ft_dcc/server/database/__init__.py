"""The SQLite database: connections, migrations, seeds, audit log, backups, and the folder that holds it.

Knows nothing of HTTP, users' permissions or media.
"""
