"""Accounts: stored credentials, browser login and the local studio server.

Knows nothing of hosts, tasks or publishing.
"""
