"""The command ``ft-dcc``."""
