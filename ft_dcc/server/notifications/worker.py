"""Turn recorded events into mails and webhook messages, and send them, on a thread of the server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
from sqlalchemy import Connection

from ft_dcc.errors import Error
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.database.notification_log import oldest_events, remove_events
from ft_dcc.server.notifications import mails, webhooks
from ft_dcc.server.notifications.subject import read_subject
from ft_dcc.server.notifications.webhook_client import WebhookClient, read_allowed_networks

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 5.0


@attrs.frozen
class Notifier:
    """The mails and webhooks of one studio."""

    context: ServerContext
    client: WebhookClient

    def run_once(self, now: float, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Process what was recorded, then send what is due at this time, in seconds since 1970."""
        store = self.context.store
        while self._has_events() and not is_stopping():
            store.write(self._process_events)
        webhooks.send_due_messages(store, self.client, now, is_stopping)
        if not is_stopping():
            mails.send_due_mails(self.context, now)

    def _has_events(self) -> bool:
        with self.context.store.reading() as connection:
            return bool(oldest_events(connection))

    def _process_events(self, connection: Connection) -> None:
        tables, mailer = self.context.store.tables, self.context.mailer
        events = oldest_events(connection)
        for event in events:
            subject = read_subject(connection, tables, event.kind, event.entity_id)
            if subject is None:
                continue
            webhooks.queue_event(connection, event, subject, mailer.public_url or mailer.own_url)
            # Without a mail server, they would fill the outbox.
            if mailer.server is not None and mailer.sends_notifications:
                mails.add_notices(connection, tables, event, subject)
        remove_events(connection, events)


@contextmanager
def running_notification_worker(context: ServerContext) -> Iterator[None]:
    """Send notifications on a thread for the duration of the block; raises SettingInvalid."""
    notifier, is_stopping = Notifier(context, WebhookClient(read_allowed_networks())), threading.Event()

    def run() -> None:
        while not is_stopping.wait(_INTERVAL_SECONDS):
            try:
                notifier.run_once(clock.now(), is_stopping.is_set)
            except Error as error:
                _log.error("Notifications wait: %s", error)
            except Exception:  # noqa: BLE001  one wrong message must not end the others
                _log.exception("Notifications wait.")

    thread = threading.Thread(target=run, name="ft-dcc-notifications", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # A receiver that does not answer does not delay the end of the server: the message stays in the queue.
        is_stopping.set()
