"""The plugin pipeline: which plugins exist, in which order they run, and how pyblish runs them.

It knows nothing of what a particular plugin does.
"""
