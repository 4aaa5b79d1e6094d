"""The studio server: ftrack's protocol over one SQLite database, with media, events, reviews and mail.

Knows nothing of hosts, publishing or the session; it shares only errors, frames, files and the event protocol.
"""
