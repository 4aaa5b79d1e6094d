"""The connection of a hub to the event server: a socket and a thread, with automatic reconnection."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import EventHubConnectionError, EventHubError, EventHubPacketError
from ft_dcc.event_protocol import socketio_v09

if TYPE_CHECKING:
    from ft_dcc.session.events.websocket import Socket

Payload = dict[str, Any]

_log = logging.getLogger(__name__)
# Independent of the global generator, which host scripts may have seeded.
_random = random.SystemRandom()

_FIRST_RETRY_DELAY_SECONDS, _MAX_RETRY_DELAY_SECONDS = 1.0, 30.0
_CLOSE_TIMEOUT_SECONDS = 3.0
_MAX_OUTBOX = 10_000
_MAX_UNACKNOWLEDGED = 1_000
_TEMPORARY_STATUSES = frozenset({408, 425, 429})


class HubConnection:
    """A connection that is restored when it is lost; events are sent in order, and wait for one without it."""

    def __init__(
        self,
        url: str,
        # Opens a socket or raises EventHubConnectionError.
        connect: Callable[[], Socket],
        # Returns the events that a new connection sends first.
        initial_events: Callable[[], Iterable[Payload]],
        # Called with received packets.
        on_packet: Callable[[socketio_v09.Packet], None],
        # Called if the server refuses the connection.
        on_refused: Callable[[], None],
    ) -> None:
        self._url = url
        self._connect, self._initial_events = connect, initial_events
        self._on_packet, self._on_refused = on_packet, on_refused
        # Held to send, so that the order of events is defined.
        self.send_lock = threading.RLock()
        self.is_wanted = False
        self._is_ended = False
        self._socket: Socket | None = None
        self._outbox: deque[str] = deque()
        self._packet_ids = itertools.count(1)
        self._unacknowledged: dict[str, str] = {}
        # Set while there is a connection.
        self.opened = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    def open(self) -> None:
        """Connect; raises EventHubConnectionError."""
        was_wanted = self.is_wanted
        self.close(is_wanted=True)
        try:
            socket = self._connect()
            self._adopt(socket)
        except EventHubConnectionError:
            self.is_wanted = was_wanted
            raise
        self._start_thread(socket)

    def reopen(self, attempts: int, delay: float) -> None:
        """Reconnect, with ``delay`` seconds between attempts; raises EventHubConnectionError if all fail."""
        self.close(is_wanted=True)
        for attempt in range(1, attempts + 1):
            try:
                self.open()
            except EventHubConnectionError as error:
                if attempt == attempts:
                    raise EventHubConnectionError(
                        f"Failed to reconnect to event server at {self._url} after {attempts} attempts: {error}"
                    ) from error
                time.sleep(delay)
            else:
                return

    def open_in_background(self) -> None:
        """Connect in a thread, with any number of attempts."""
        self.close(is_wanted=True)
        self._start_thread(None)

    def send(self, payload: Payload) -> bool:
        """Send an event and return True, or keep it for the next connection and return False; raises EventHubError."""
        with self.send_lock:
            text = self._packet(payload)
            if self._socket is not None:
                try:
                    self._socket.send(text)
                    return True
                except EventHubConnectionError as error:
                    _log.debug("%s", error)
                    # The receiving thread notices it and reconnects.
                    self._socket.interrupt()
                    self._socket = None
            if not self.is_wanted:
                raise EventHubConnectionError(f"The event hub is not connected to {self._url}. Connect it first.")
            if len(self._outbox) >= _MAX_OUTBOX:
                raise EventHubConnectionError(
                    f"{_MAX_OUTBOX} events are already waiting for {self._url}. Check that the server runs."
                )
            self._outbox.append(text)
            return False

    def close(self, last: Iterable[Payload] = (), *, is_wanted: bool = False) -> None:
        """Send the last events, close the connection and end the thread. Safe to call twice."""
        with self.send_lock:
            self._stopping.set()
            self.is_wanted = is_wanted and not self._is_ended
            self.opened.clear()
            if not is_wanted:
                self._outbox.clear()
            socket, self._socket = self._socket, None
            thread, self._thread = self._thread, None
            if socket is not None:
                try:
                    for payload in last:
                        socket.send(self._packet(payload))
                    socket.send_close()
                except EventHubConnectionError as error:
                    _log.debug("%s", error)
        if thread is None or thread is threading.current_thread():
            return
        # The server replies to the closing frame after it has read all events.
        thread.join(_CLOSE_TIMEOUT_SECONDS)
        if thread.is_alive() and socket is not None:
            socket.interrupt()
            thread.join(_CLOSE_TIMEOUT_SECONDS)

    def end(self) -> None:
        """Refuse each later attempt to connect, and stop one that another thread makes now; call close afterwards."""
        with self.send_lock:
            self._is_ended = True
            self._stopping.set()

    def _check_not_ended(self) -> None:
        if self._is_ended:
            raise EventHubConnectionError(f"The event hub of {self._url} is closed. Create another session.")

    def _start_thread(self, socket: Socket | None) -> None:
        with self.send_lock:
            self._check_not_ended()
            self._stopping = threading.Event()
            arguments = (socket, self._stopping)
            self._thread = threading.Thread(target=self._run, args=arguments, name="ft_dcc event hub", daemon=True)
            self._thread.start()

    def _run(self, socket: Socket | None, stopping: threading.Event) -> None:
        try:
            while not stopping.is_set():
                if socket is None:
                    socket = self._reconnect(stopping)
                    continue
                self._receive(socket)
                with self.send_lock:
                    if not stopping.is_set():
                        _log.warning("The connection to the event server at %s was lost. Reconnecting.", self._url)
                        self.opened.clear()
                        self._socket = None
                socket.close()
                socket = None
                # Not all clients reconnect to a restarting server at once.
                stopping.wait(_random.uniform(0.1, 1.0))
        except EventHubConnectionError as error:
            _log.error("%s Events of other clients are no longer received.", error)
            with self.send_lock:
                self.is_wanted = False
                self._outbox.clear()
            self._on_refused()

    def _reconnect(self, stopping: threading.Event) -> Socket | None:
        """Return a new connection, or None when stopping; raises EventHubConnectionError if the server refuses it."""
        max_delay = _FIRST_RETRY_DELAY_SECONDS
        while not stopping.is_set():
            # Exponential backoff, with jitter.
            delay = max_delay * _random.uniform(0.5, 1.0)
            max_delay = min(max_delay * 2, _MAX_RETRY_DELAY_SECONDS)
            try:
                socket = self._connect()
                if self._adopt(socket, stopping):
                    _log.info("Connected to the event server at %s.", self._url)
                    return socket
            except EventHubConnectionError as error:
                status = error.details.get("status", 500)
                if status < 500 and status not in _TEMPORARY_STATUSES:
                    raise
                _log.info("%s Trying again in %.0f s.", error, delay)
            stopping.wait(delay)
        return None

    def _adopt(self, socket: Socket, stopping: threading.Event | None = None) -> bool:
        """Send the initial and the waiting events over a new socket; return False when stopping."""
        with self.send_lock:
            try:
                if stopping is not None and stopping.is_set():
                    socket.close()
                    return False
                self._check_not_ended()
                for payload in self._initial_events():
                    socket.send(self._packet(payload))
                while self._outbox:
                    socket.send(self._outbox[0])
                    self._outbox.popleft()
            except EventHubConnectionError:
                socket.close()
                raise
            self._socket = socket
            self.opened.set()
            return True

    def _receive(self, socket: Socket) -> None:
        while True:
            try:
                packet = socketio_v09.parse(socket.receive())
                if packet.code == socketio_v09.DISCONNECT:
                    return
                if packet.code == socketio_v09.HEARTBEAT:
                    socket.send(str(socketio_v09.Packet(socketio_v09.HEARTBEAT)))
                elif packet.code == socketio_v09.ACKNOWLEDGE:
                    self._handle_acknowledgement(packet.data)
                elif packet.code == socketio_v09.ERROR:
                    _log.error("The event server reports an error: %s", packet.data)
                self._on_packet(packet)
            except EventHubPacketError as error:
                _log.warning("An invalid packet of the event server was ignored: %s", error)
            except EventHubConnectionError as error:
                _log.debug("%s", error)
                return

    def _packet(self, payload: Payload) -> str:
        """Return the packet of the event; raises EventHubError if it cannot be encoded."""
        identifier = str(next(self._packet_ids))
        text = encode(payload, f"{identifier}+")
        self._unacknowledged[identifier] = payload["topic"]
        if len(self._unacknowledged) > _MAX_UNACKNOWLEDGED:
            del self._unacknowledged[next(iter(self._unacknowledged))]
        return text

    def _handle_acknowledgement(self, data: str) -> None:
        identifier, _, text = data.partition("+")
        topic = self._unacknowledged.pop(identifier, "a packet")
        results = socketio_v09.decode(text) if text else []
        if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
            raise EventHubPacketError("The acknowledgement is not a list of mappings.")
        for result in results:
            if result.get("success") is False:
                _log.error("The event server refused %s: %s", topic, result.get("message"))


def encode(payload: Payload, identifier: str = "") -> str:
    """Return the packet of the event; raises EventHubError if it cannot be encoded."""
    try:
        return socketio_v09.event_packet(payload, identifier)
    except (TypeError, ValueError) as error:
        raise EventHubError(
            f"The event {payload['topic']} cannot be sent: {error}. Use only text, numbers, lists and mappings."
        ) from error
