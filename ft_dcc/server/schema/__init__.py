"""The declaration of all entity types in ``*.schema`` files, and the JSON schema and SQL tables made from it.

It knows nothing of queries, of users and of the database that the tables are created in.
"""
