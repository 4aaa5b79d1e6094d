"""Mail to reviewers: through an SMTP server, or into an outbox folder.

Knows nothing of reviews, users or HTTP.
"""
