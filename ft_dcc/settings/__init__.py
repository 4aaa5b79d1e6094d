"""Definitions, files and the resolution of settings; knows nothing of hosts, the server or publishing."""
