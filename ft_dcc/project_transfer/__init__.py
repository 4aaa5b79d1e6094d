"""Copy of a project from a site into a studio: export and mapping.

Knows nothing of hosts, files on disk or the command line.
"""
