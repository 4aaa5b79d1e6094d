"""What the adapter reads, changes and restores in Blender; it knows nothing of the panel and of publishing."""
