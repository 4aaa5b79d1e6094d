"""Parts that the adapters of all hosts share; they know nothing of the server or of publishing."""
