"""Create, update and delete entities in batches, one transaction each, with the checks that guard them.

It knows nothing of HTTP, of events and of the actions beside these three.
"""
