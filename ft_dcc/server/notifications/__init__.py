"""Tell people and programs about new versions, notes and verdicts: mails and webhooks.

Reads what the database has recorded; no request waits for it.
"""
