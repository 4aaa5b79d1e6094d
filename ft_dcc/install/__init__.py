"""Putting the suite into Maya, Nuke and Blender for one user, and taking it out again.

``install(host, …)`` and ``uninstall(host, …)`` are what ``ft-dcc install`` and ``ft-dcc uninstall`` do.
"""
