"""When a server that stops by itself has been idle for long enough."""

from doubles.operations import Clock

from ft_dcc.server.background import ActivityCounter, IdleTimer


def test_server_is_idle_after_so_many_minutes_without_a_client() -> None:
    clock = Clock(0)
    idleness = IdleTimer(ActivityCounter(), 30, clock)
    clock.seconds = 1800
    assert not idleness.is_expired(0, 0)
    clock.seconds = 1801
    assert idleness.is_expired(0, 0)
    assert not IdleTimer(ActivityCounter(), None, clock).is_expired(0, 0)


def test_idle_time_restarts_with_a_client_or_a_request() -> None:
    clock = Clock(0)
    idleness = IdleTimer(ActivityCounter(), 30, clock)
    clock.seconds = 2000
    assert not idleness.is_expired(1, 0)
    clock.seconds = 3000
    assert not idleness.is_expired(0, 7)
    clock.seconds = 4801
    assert idleness.is_expired(0, 7)


def test_server_is_not_idle_while_work_is_running() -> None:
    clock, work = Clock(0), ActivityCounter()
    idleness = IdleTimer(work, 30, clock)
    with work.track():
        clock.seconds = 9000
        assert not idleness.is_expired(0, 0)
    clock.seconds = 10000
    assert not idleness.is_expired(0, 0)
    clock.seconds = 10801
    assert idleness.is_expired(0, 0)
