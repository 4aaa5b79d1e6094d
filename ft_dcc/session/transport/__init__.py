"""The HTTP transport: requests, retries, cancellation and JSON; knows nothing of entities and sessions."""
