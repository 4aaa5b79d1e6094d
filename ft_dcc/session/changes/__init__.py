"""Change tracking, commits and their recovery after a lost connection.

Knows nothing of locations and events.
"""
