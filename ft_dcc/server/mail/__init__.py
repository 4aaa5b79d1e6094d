"""Mail to reviewers: through an SMTP server, or into an outbox folder."""
