"""Parts that the adapters of all hosts share: main-thread calls and captured files.

Knows nothing of the server or of publishing.
"""
