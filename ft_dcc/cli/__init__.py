"""Command line ``ft-dcc``: one module for each command.

Holds options and output only; the work is done by the other packages.
"""
