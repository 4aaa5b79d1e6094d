"""Settings: definitions, files and the resolution of values.

Knows nothing of hosts, the server or publishing.
"""
