"""What surrounds the image of a view while it is captured: textures, objects of plug-ins, sequence time and Escape."""
