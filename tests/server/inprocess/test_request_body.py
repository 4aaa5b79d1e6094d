"""Reading the body of an API request: its time-out."""

from __future__ import annotations

import asyncio

import pytest
from doubles.event_loop import run_coroutine

from ft_dcc.server.errors import BadRequest, ServiceUnavailable
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
    with pytest.raises(BadRequest, match="did not arrive within"):
        run_coroutine(bodies.read(receive_from(messages), "user"))


def test_a_body_in_pieces_is_read():
    whole = [{"type": "http.request", "body": b"[1", "more_body": True}, {"type": "http.request", "body": b"]"}]
    assert run_coroutine(request_body.BodyReader().read(receive_from(whole), "user")) == b"[1]"


def test_bodies_give_their_room_back(monkeypatch):
    monkeypatch.setattr(request_body, "MAX_ACCOUNT_BYTES", 3)
    bodies = request_body.BodyReader()
    for _ in range(2):
        assert run_coroutine(bodies.read(receive_from([{"type": "http.request", "body": b"[1]"}]), "user")) == b"[1]"
    with pytest.raises(ServiceUnavailable):
        run_coroutine(bodies.read(receive_from([{"type": "http.request", "body": b"[10]"}]), "user"))
