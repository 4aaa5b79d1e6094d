"""The event hub: its connection, subscribers and events.

Knows nothing of the session and its entities.
"""
