"""Feedback of reviews: notes, drawings and verdicts, read from a server, written back and exported."""
