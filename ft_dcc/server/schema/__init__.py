"""What the studio server stores: our own declaration of all entity types.

The ``*.schema`` files beside this one are the one place; the JSON for clients (``wire``), the SQL tables (``tables``)
and the meaning of queries are made from them.
"""
