"""The tables that no schema shows and no query reaches."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, MetaData, String, Table

METADATA = MetaData()

API_KEYS = Table(
    "ft_dcc_api_key",
    METADATA,
    Column("id", String, primary_key=True),
    Column("user_id", String, nullable=False, index=True),
    Column("hash", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
    Column("revoked_at", Float),
    # The program that asked for it.
    Column("label", String),
)
SIGN_OUTS = Table(
    "ft_dcc_sign_out", METADATA, Column("user_id", String, primary_key=True), Column("at", Float, nullable=False)
)
BROWSER_SESSIONS = Table(
    "ft_dcc_browser_session",
    METADATA,
    Column("id", String, primary_key=True),
    Column("user_id", String, nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    # What the browser says of itself.
    Column("browser", String, nullable=False),
)
AUDIT_ENTRIES = Table(
    "ft_dcc_audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("user_id", String, nullable=False),
    Column("username", String, nullable=False),
    Column("action", String, nullable=False),
    Column("entity_type", String, nullable=False),
    Column("entity_id", String, nullable=False, index=True),
    Column("attributes", String, nullable=False),
    Column("detail", String),
)
RECORDED_EVENTS = Table(
    "ft_dcc_notification",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("entity_id", String, nullable=False),
    Column("actor_id", String, nullable=False),
)
ENCODE_QUEUE = Table(
    "ft_dcc_encoding",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("job_id", String, nullable=False, unique=True),
    Column("component_id", String, nullable=False),
    Column("version_id", String, index=True),
    Column("is_kept", Boolean, nullable=False),
    Column("user_id", String, nullable=False),
    Column("username", String, nullable=False),
    Column("begun", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)
INVITATIONS = Table(
    "ft_dcc_invitation",
    METADATA,
    Column("hash", String, primary_key=True),
    Column("invitee_id", String, nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
)
MUTED_MAILS = Table(
    "ft_dcc_muted_mail",
    METADATA,
    Column("email", String, primary_key=True),
    # An address with any row gets no mails.
    Column("kind", String, primary_key=True),
    Column("at", Float, nullable=False),
)
WEBHOOKS = Table(
    "ft_dcc_webhook",
    METADATA,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False, index=True),
    Column("url", String, nullable=False),
    Column("form", String, nullable=False),
    Column("events", String, nullable=False),
    Column("secret", String, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("retry_at", Float, nullable=False),
    Column("error", String, nullable=False),
)
WEBHOOK_DELIVERIES = Table(
    "ft_dcc_webhook_delivery",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("webhook_id", String, nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("payload", String, nullable=False),
)
