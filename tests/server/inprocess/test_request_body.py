"""Reading the body of an API request: its time-out."""

from __future__ import annotations

import asyncio

import pytest
from doubles.event_loop import run_coroutine

from ft_dcc.server.errors import BadRequest
from ft_dcc.server.http import request_body


@pytest.fixture
def bodies(monkeypatch):
    monkeypatch.setattr(request_body, "BODY_TIMEOUT_SECONDS", 0.05)
    return request_body.BodyReader()


async def never():
    await asyncio.Event().wait()


def receive_from(messages):
    """Return an ASGI ``receive`` that returns these messages, and then waits for ever."""
    remaining = iter(messages)

    async def receive():
        message = next(remaining, None)
        return message if message is not None else await never()

    return receive


@pytest.mark.parametrize("messages", [[], [{"type": "http.request", "body": b"[", "more_body": True}]])
def test_a_body_that_does_not_arrive_is_refused(bodies, messages):
    async def read_twice():
        # The first bodies have one timer, and the next one, begun later, has another.
        first = await asyncio.gather(
            *(bodies.read(receive_from(messages), "user") for _ in range(2)), return_exceptions=True
        )
        with pytest.raises(BadRequest, match="did not arrive within"):
            await bodies.read(receive_from(messages), "user")
        return first

    # The reader serves any event loop.
    for _ in range(2):
        assert [type(error) for error in run_coroutine(read_twice())] == [BadRequest, BadRequest]


def test_a_body_that_has_arrived_is_not_cancelled_later(bodies):
    async def read_and_wait():
        whole = [{"type": "http.request", "body": b"[1", "more_body": True}, {"type": "http.request", "body": b"]"}]
        body = await bodies.read(receive_from(whole), "user")
        with pytest.raises(BadRequest):
            await bodies.read(receive_from([]), "user")
        return body

    assert run_coroutine(read_and_wait()) == b"[1]"
