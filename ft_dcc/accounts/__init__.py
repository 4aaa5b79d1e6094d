"""Stored credentials, browser login and the local studio server; knows nothing of hosts, tasks or publishing."""
