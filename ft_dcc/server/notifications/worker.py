"""Turn recorded events into mails and webhook messages, and send them, on a thread of the server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import attrs
from sqlalchemy import Connection

from ft_dcc.errors import Error
from ft_dcc.server.background import running_worker
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.database.notification_log import RecordedEvent, oldest_events, remove_events
from ft_dcc.server.notifications import mails, webhooks
from ft_dcc.server.notifications.event_details import EventDetails, read_details
from ft_dcc.server.notifications.webhook_client import WebhookClient, read_allowed_networks

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 5.0


@attrs.frozen
class Notifier:
    """The mails and webhooks of one studio."""

    context: ServerContext
    client: WebhookClient

    def run_once(self, now: float, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Process what was recorded, then send the messages that are due at this time, in seconds since 1970."""
        while not is_stopping() and self._process_events():
            pass
        webhooks.send_due_messages(self.context.store, self.client, now, is_stopping)

    def _process_events(self) -> bool:
        """Send mails about the oldest events, and queue messages of webhooks; return whether there were any events."""
        store, notices, messages = self.context.store, [], []
        # Read beside the writer, which all clients wait for.
        with store.reading() as connection:
            events = oldest_events(connection)
            for event, details in self._find_details(connection, events):
                messages += webhooks.make_messages(connection, event, details, self.context.mailer.link_base)
                # Without a mail server, they would fill the outbox.
                if self._sends_mails:
                    notices += mails.make_notices(connection, store.tables, event, details)

        def write(connection: Connection) -> None:
            webhooks.queue_messages(connection, messages)
            remove_events(connection, events)

        if events:
            # Before the events are removed: a server that stops in between sends a mail twice rather than never.
            mails.send_mails(self.context, notices)
            store.write(write)
        return bool(events)

    @property
    def _sends_mails(self) -> bool:
        return self.context.mailer.server is not None and self.context.mailer.sends_notifications

    def _find_details(
        self, connection: Connection, events: Sequence[RecordedEvent]
    ) -> Iterator[tuple[RecordedEvent, EventDetails]]:
        """Yield the events that have a receiver, each with its details."""
        if not self._sends_mails and not webhooks.find_webhooks(connection):
            return
        for event in events:
            details = read_details(connection, self.context.store.tables, event.kind, event.entity_id)
            if details is not None:
                yield event, details


def running_notification_worker(context: ServerContext) -> AbstractContextManager[None]:
    """Send notifications on a thread for the duration of the block; raises SettingInvalid."""
    notifier = Notifier(context, WebhookClient(read_allowed_networks()))

    def step(is_stopping: threading.Event) -> float:
        try:
            notifier.run_once(clock.now(), is_stopping.is_set)
        except Error as error:
            _log.error("Notifications wait: %s", error)
        return _INTERVAL_SECONDS

    # A receiver that does not answer does not delay the end of the server: the message stays in the queue.
    return running_worker("notifications", step, first_seconds=_INTERVAL_SECONDS)
