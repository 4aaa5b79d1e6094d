"""Entities, their attributes and relations; knows the session only by an interface, and nothing of locations."""
