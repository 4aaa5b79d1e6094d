"""When a server that stops by itself has been idle for long enough."""

from __future__ import annotations

from ft_dcc.server.work import Idleness, Work


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_it_is_too_long_when_nobody_came_for_so_many_minutes() -> None:
    clock = Clock()
    idleness = Idleness(Work(), 30, clock)
    clock.seconds = 1800
    assert not idleness.is_too_long(0, 0)
    clock.seconds = 1801
    assert idleness.is_too_long(0, 0)


def test_a_client_or_a_request_begins_the_time_anew() -> None:
    clock = Clock()
    idleness = Idleness(Work(), 30, clock)
    clock.seconds = 2000
    assert not idleness.is_too_long(1, 0)
    clock.seconds = 3000
    assert not idleness.is_too_long(0, 7)
    clock.seconds = 4801
    assert idleness.is_too_long(0, 7)


def test_it_waits_for_what_is_under_way() -> None:
    clock, work = Clock(), Work()
    idleness = Idleness(work, 30, clock)
    with work.under_way():
        clock.seconds = 9000
        assert not idleness.is_too_long(0, 0)
    clock.seconds = 10000
    assert not idleness.is_too_long(0, 0)
    clock.seconds = 10801
    assert idleness.is_too_long(0, 0)


def test_without_a_limit_it_is_never_too_long() -> None:
    clock = Clock()
    idleness = Idleness(Work(), None, clock)
    clock.seconds = 1e9
    assert not idleness.is_too_long(0, 0)
