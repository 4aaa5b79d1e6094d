"""Tell people and programs about new versions, notes and verdicts, from what the database has recorded."""
