"""The connection of a hub to the event server: one socket, one thread, kept alive."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import EventHubConnectionError, EventHubError, EventHubPacketError
from ft_dcc.socketio import ACKNOWLEDGE, DISCONNECT, ERROR, HEARTBEAT, Packet, decode, event_packet, parse

if TYPE_CHECKING:
    from ft_dcc.session.event_server import Socket

Payload = dict[str, Any]

_log = logging.getLogger(__name__)

_FIRST_DELAY, _LONGEST_DELAY = 1.0, 30.0
_GRACE = 3.0
_LONGEST_OUTBOX = 10_000
_MOST_UNACKNOWLEDGED = 1_000
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})


class Link:
    """A connection that is wanted, and comes back when it is lost.

    ``connect`` opens a socket or raises EventHubConnectionError, ``greet`` gives the events that a new connection
    begins with, ``take`` gets the packets that arrive, and ``give_up`` is called when the server does not want us.
    Events leave in the order in which they are sent; while there is no connection they wait for one.
    """

    def __init__(
        self,
        url: str,
        connect: Callable[[], Socket],
        greet: Callable[[], Iterable[Payload]],
        take: Callable[[Packet], None],
        give_up: Callable[[], None],
    ) -> None:
        self._url = url
        self._connect, self._greet = connect, greet
        self._take, self._give_up = take, give_up
        # Whoever holds it knows what the server was told, and in which order.
        self.sending = threading.RLock()
        self.is_wanted = False
        self._socket: Socket | None = None
        self._outbox: deque[str] = deque()
        self._packet_ids = itertools.count(1)
        self._unacknowledged: dict[str, str] = {}
        self._opened = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now."""
        return self._socket is not None

    def open(self) -> None:
        """Be connected; raises EventHubConnectionError when that cannot be."""
        was_wanted = self.is_wanted
        self.close(is_wanted=True)
        try:
            socket = self._connect()
            self._adopt(socket)
        except EventHubConnectionError:
            self.is_wanted = was_wanted
            raise
        self._start_thread(socket)

    def open_again(self, attempts: int, delay: float) -> None:
        """Be connected anew, with ``delay`` seconds between attempts; raises EventHubConnectionError when all fail."""
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

    def open_later(self) -> None:
        """Connect in the background, and try until it works."""
        self.close(is_wanted=True)
        self._start_thread(None)

    def wait_until_open(self, timeout: float | None = None) -> bool:
        """Whether there is a connection, after at most this many seconds."""
        return self._opened.wait(timeout)

    def send(self, payload: Payload) -> bool:
        """Send an event, or keep it for the next connection and return False; raises EventHubError."""
        with self.sending:
            text = self._packet(payload)
            if self._socket is not None:
                try:
                    self._socket.send(text)
                except EventHubConnectionError as error:
                    _log.debug("%s", error)
                    # The thread that receives finds out, and connects again.
                    self._socket.interrupt()
                    self._socket = None
                else:
                    return True
            self._keep(text)
            return False

    def close(self, last: Iterable[Payload] = (), *, is_wanted: bool = False) -> None:
        """Send the last events, let go of the connection and end the thread. Safe to call twice."""
        with self.sending:
            self._stopping.set()
            self.is_wanted = is_wanted
            self._opened.clear()
            if not is_wanted:
                self._outbox.clear()
            socket, self._socket = self._socket, None
            if socket is not None:
                self._take_leave(socket, last)
        self._end_thread(socket)

    def _keep(self, text: str) -> None:
        if not self.is_wanted:
            raise EventHubConnectionError(f"The event hub is not connected to {self._url}. Connect it first.")
        if len(self._outbox) >= _LONGEST_OUTBOX:
            raise EventHubConnectionError(
                f"{_LONGEST_OUTBOX} events wait for {self._url} already. Check that the server runs."
            )
        self._outbox.append(text)

    def _start_thread(self, socket: Socket | None) -> None:
        self._stopping = threading.Event()
        arguments = (socket, self._stopping)
        self._thread = threading.Thread(target=self._run, args=arguments, name="ft_dcc event hub", daemon=True)
        self._thread.start()

    def _end_thread(self, socket: Socket | None = None) -> None:
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return
        # The server answers a closing frame when it has read everything before it.
        thread.join(_GRACE)
        if thread.is_alive() and socket is not None:
            socket.interrupt()
            thread.join(_GRACE)

    def _run(self, socket: Socket | None, stopping: threading.Event) -> None:
        try:
            while not stopping.is_set():
                if socket is None:
                    socket = self._connect_again(stopping)
                else:
                    self._receive(socket)
                    self._lose(socket, stopping)
                    socket = None
        except EventHubConnectionError as error:
            _log.error("%s Events of others do not arrive any more.", error)
            with self.sending:
                self.is_wanted = False
                self._outbox.clear()
            self._give_up()

    def _connect_again(self, stopping: threading.Event) -> Socket | None:
        """Return a new connection, or None when none is wanted; raises EventHubConnectionError when it is no use."""
        for delay in _delays():
            try:
                socket = self._connect()
                if self._adopt(socket, stopping):
                    _log.info("Connected to the event server at %s.", self._url)
                    return socket
            except EventHubConnectionError as error:
                status = error.details.get("status", 500)
                if status < 500 and status not in _WORTH_ANOTHER_TRY:
                    raise
                _log.info("%s Trying again in %.0f s.", error, delay)
            if stopping.wait(delay):
                break
        return None

    def _adopt(self, socket: Socket, stopping: threading.Event | None = None) -> bool:
        """Greet the server and send what waited; False when the connection is not wanted any more."""
        with self.sending:
            try:
                if stopping is not None and stopping.is_set():
                    socket.close()
                    return False
                for payload in self._greet():
                    socket.send(self._packet(payload))
                while self._outbox:
                    socket.send(self._outbox[0])
                    self._outbox.popleft()
            except EventHubConnectionError:
                socket.close()
                raise
            self._socket = socket
            self._opened.set()
            return True

    def _receive(self, socket: Socket) -> None:
        """Hand on what arrives until the connection is lost."""
        while True:
            try:
                packet = parse(socket.receive())
                if packet.code == DISCONNECT:
                    return
                if packet.code == HEARTBEAT:
                    socket.send(str(Packet(HEARTBEAT)))
                elif packet.code == ACKNOWLEDGE:
                    self._note_acknowledgement(packet.data)
                elif packet.code == ERROR:
                    _log.error("The event server reports an error: %s", packet.data)
                self._take(packet)
            except EventHubPacketError as error:
                _log.warning("A packet of the event server was passed over: %s", error)
            except EventHubConnectionError as error:
                _log.debug("%s", error)
                return

    def _lose(self, socket: Socket, stopping: threading.Event) -> None:
        with self.sending:
            if not stopping.is_set():
                _log.warning("The event server at %s is gone. Connecting again.", self._url)
                self._opened.clear()
                self._socket = None
        socket.close()
        # A server that starts again is not stormed by everybody at once.
        stopping.wait(random.uniform(0.1, 1.0))  # noqa: S311

    def _take_leave(self, socket: Socket, last: Iterable[Payload]) -> None:
        try:
            for payload in last:
                socket.send(self._packet(payload))
            socket.send_close()
        except EventHubConnectionError as error:
            _log.debug("%s", error)

    def _packet(self, payload: Payload) -> str:
        """Return the event as it is sent; raises EventHubError when JSON cannot express it."""
        identifier = str(next(self._packet_ids))
        text = encode(payload, f"{identifier}+")
        self._unacknowledged[identifier] = payload["topic"]
        if len(self._unacknowledged) > _MOST_UNACKNOWLEDGED:
            del self._unacknowledged[next(iter(self._unacknowledged))]
        return text

    def _note_acknowledgement(self, data: str) -> None:
        identifier, _, text = data.partition("+")
        topic = self._unacknowledged.pop(identifier, "a packet")
        outcomes = decode(text) if text else []
        if not isinstance(outcomes, list) or not all(isinstance(outcome, dict) for outcome in outcomes):
            raise EventHubPacketError("The acknowledgement is not a list of mappings.")
        for outcome in outcomes:
            if outcome.get("success") is False:
                _log.error("The event server refused %s: %s", topic, outcome.get("message"))


def encode(payload: Payload, identifier: str = "") -> str:
    """Return the packet that carries the event; raises EventHubError when JSON cannot express it."""
    try:
        return event_packet(payload, identifier)
    except (TypeError, ValueError) as error:
        raise EventHubError(
            f"The event {payload['topic']} cannot be sent: {error}. It must be text, numbers, lists and mappings."
        ) from error


def _delays() -> Iterator[float]:
    """Yield the seconds between attempts: longer and longer, and never in step with other clients."""
    delay = _FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311
        delay = min(delay * 2, _LONGEST_DELAY)
