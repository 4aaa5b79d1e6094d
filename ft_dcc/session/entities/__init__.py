"""Entities: their attributes, relations and custom attributes.

Knows the session only by an interface, and nothing of locations, caches and transfers.
"""
