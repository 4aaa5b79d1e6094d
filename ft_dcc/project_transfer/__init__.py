"""Copy of a project from a site into a studio, and from a studio to a site.

Knows nothing of hosts, files on disk or the command line.
"""
