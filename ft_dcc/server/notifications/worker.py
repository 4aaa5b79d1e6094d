"""Turn recorded events into mails and webhook messages, and send them, on a thread of the server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from ft_dcc.errors import Error
from ft_dcc.server.background import running_worker
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import audit_log, clock
from ft_dcc.server.database.private_tables import WAITING_MAILS
from ft_dcc.server.notifications import event_details, mails, webhooks

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 5.0


def process_notifications(
    context: ServerContext, client: webhooks.WebhookClient, now: float, is_stopping: Callable[[], bool] = lambda: False
) -> None:
    """Process what was recorded, then send the messages that are due at this time, in seconds since 1970."""
    while not is_stopping() and _process_events(context):
        pass
    mails.send_queued_mails(context)
    webhooks.send_due_messages(context.store, client, now, is_stopping)


def _process_events(context: ServerContext) -> bool:
    """Queue the mails and the messages of webhooks about the oldest events; return whether there were any events."""
    store, mailer, notices, messages = context.store, context.mailer, [], []
    # Without a mail server, they would fill the outbox.
    sends_mails = mailer.server is not None and mailer.sends_notifications
    # Read beside the writer, which all clients wait for.
    with store.reading() as connection:
        events = audit_log.oldest_events(connection)
        has_receivers = sends_mails or bool(events and webhooks.find_webhooks(connection))
        for event in events if has_receivers else ():
            details = event_details.read_details(connection, store.tables, event.kind, event.entity_id)
            if details is None:
                continue
            messages += webhooks.make_messages(connection, event, details, mailer.link_base)
            if sends_mails:
                notices += mails.make_notices(connection, store.tables, event, details)

    waiting = mails.make_mails(context, notices)

    def write(connection: Connection) -> None:
        webhooks.queue_messages(connection, messages)
        for row in waiting:
            connection.execute(WAITING_MAILS.insert(), row)
        audit_log.remove_events(connection, events)

    if events:
        store.write(write)
    return bool(events)


def running_notification_worker(context: ServerContext) -> AbstractContextManager[None]:
    """Send notifications on a thread for the duration of the block; raises SettingInvalid."""
    client = webhooks.WebhookClient(webhooks.read_allowed_networks())

    def step(is_stopping: threading.Event) -> float:
        try:
            process_notifications(context, client, clock.now(), is_stopping.is_set)
        except Error as error:
            _log.error("Notifications wait: %s", error)
        return _INTERVAL_SECONDS

    # A receiver that does not answer does not delay the end of the server: the message stays in the queue.
    return running_worker("notifications", step, first_seconds=_INTERVAL_SECONDS)
