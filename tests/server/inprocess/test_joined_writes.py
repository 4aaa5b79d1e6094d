"""Writes of one turn of the event loop are sent together."""

import asyncio

import pytest
from doubles.event_loop import run_coroutine

from ft_dcc.server.http.connections import JoinedWrites


class RecordedTransport(asyncio.Transport):
    """A transport that keeps what it is told; a write after the end is an error."""

    def __init__(self):
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.calls = []
        self.is_closed = False

    def write(self, data):
        assert not self.is_closed
        self.calls.append(data)

    def close(self):
        self.is_closed = True
        self.calls.append("close")

    def abort(self):
        self.is_closed = True
        self.calls.append("abort")

    def is_closing(self):
        return self.is_closed


@pytest.fixture
def calls_of():
    """Return a function that returns the calls of a transport after ``use(joined)`` and one turn of the event loop."""

    def run(use):
        async def turn():
            transport = RecordedTransport()
            use(JoinedWrites(transport, asyncio.get_running_loop()))
            await asyncio.sleep(0)
            return transport.calls

        return run_coroutine(turn())

    return run


def test_head_and_body_are_one_write(calls_of):
    def use(joined):
        joined.write(b"head")
        joined.write(b"body")
        assert joined.transport.calls == []

    assert calls_of(use) == [b"headbody"]


def test_a_large_body_is_sent_at_once(calls_of):
    large = bytes(70_000)

    def use(joined):
        joined.write(b"head")
        joined.write(large)
        assert joined.transport.calls == [b"head" + large]
        joined.write(b"end")

    assert calls_of(use) == [b"head" + large, b"end"]


@pytest.mark.parametrize("end", ["close", "abort"])
def test_the_end_sends_the_rest_first(calls_of, end):
    def use(joined):
        joined.write(b"last")
        getattr(joined, end)()

    assert calls_of(use) == [b"last", end]


def test_nothing_is_sent_after_the_end(calls_of):
    def use(joined):
        joined.close()
        joined.write(b"late")

    assert calls_of(use) == ["close"]


def test_facts_are_those_of_the_transport(calls_of):
    def use(joined):
        assert joined.get_extra_info("peername") == ("127.0.0.1", 1)
        assert not joined.is_closing()

    assert calls_of(use) == []
