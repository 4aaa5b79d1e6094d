"""Tasks and review sessions on a server.

Knows nothing of hosts, media or publish jobs.
"""
