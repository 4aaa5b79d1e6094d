"""Publish from a host or from files; knows sessions, media and the host protocol, no particular host or toolkit."""
