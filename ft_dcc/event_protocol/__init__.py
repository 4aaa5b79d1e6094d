"""The protocol of ftrack's event hub, shared by client and server: packets and subscription expressions.

Knows nothing of connections, sessions and the server.
"""
