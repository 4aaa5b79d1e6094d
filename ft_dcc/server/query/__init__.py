"""The query language: parse expressions, compile them to SQL with parameters, and load the entities that they find.

It knows nothing of HTTP, of writing and of the actions that use it.
"""
