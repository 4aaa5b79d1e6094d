"""Blender as a host: importing this package does nothing; ``host.BlenderHost`` and the add-on's ``register`` do."""
