"""The images of a view, and what surrounds them: textures, objects of plug-ins, sequence time and Escape."""
