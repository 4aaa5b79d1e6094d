"""The classes of entity types, made from the server's schemas; knows nothing of change tracking and caches."""
