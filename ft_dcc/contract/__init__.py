"""Acceptance checks inside of a real host program; knows hosts and publishing, no particular host, no command line."""
