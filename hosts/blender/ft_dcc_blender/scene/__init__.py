"""What the adapter reads, changes and restores in Blender: cameras, look, sources, sound, capture and drawings.

Knows nothing of the panel and of publishing.
"""
