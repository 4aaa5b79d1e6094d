"""Command line ``ft-dcc``: one module for each command, with options and output only."""
