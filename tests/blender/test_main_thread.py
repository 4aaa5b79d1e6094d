from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from ft_dcc.errors import CaptureFailed
from ft_dcc.main_thread import entered


@pytest.fixture
def main_thread(bpy):
    from ft_dcc_blender import main_thread

    return main_thread


@pytest.fixture
def windowed(monkeypatch, main_thread):
    """Blender with a window as far as this module asks: nothing but ``bpy.app.background``."""

    class App:
        background = False

    monkeypatch.setattr(main_thread.bpy, "app", App)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(max_workers=1) as threads:
        yield threads


def serve_until_done(main_thread, future):
    """What Blender's event loop does."""
    while not future.done():
        main_thread.serve()


def test_a_call_is_carried_out_by_whoever_serves(main_thread, pool, windowed):
    future = pool.submit(main_thread.run, threading.get_ident)
    serve_until_done(main_thread, future)
    assert future.result() == threading.get_ident()


def test_an_error_goes_back_to_the_caller_and_not_to_the_event_loop(main_thread, pool, windowed):
    future = pool.submit(main_thread.run, lambda: 1 / 0)
    serve_until_done(main_thread, future)
    assert isinstance(future.exception(), ZeroDivisionError)


def test_a_call_that_nobody_takes_is_withdrawn(main_thread, pool, windowed):
    ran = []
    with pytest.raises(CaptureFailed, match="main thread was busy"):
        pool.submit(main_thread.run, lambda: ran.append(1), 0.05).result(30)
    main_thread.serve()
    assert ran == []


def test_on_the_main_thread_a_call_is_carried_out_at_once(main_thread, windowed):
    assert main_thread.run(lambda: 7) == 7


def test_without_a_window_the_caller_carries_it_out(main_thread, pool):
    assert pool.submit(main_thread.run, threading.get_ident).result(30) != threading.get_ident()


def test_without_a_window_the_main_thread_carries_it_out_while_it_waits(main_thread):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(main_thread.run(threading.get_ident)))
    thread.start()
    main_thread.serve_until_ended(thread, 30)
    assert seen == [threading.get_ident()]


def test_no_timer_is_left_behind(main_thread, bpy):
    main_thread.start_serving()
    main_thread.stop_serving()
    main_thread.stop_serving()
    assert not bpy.app.timers.is_registered(main_thread.serve)


def test_a_context_manager_is_left_on_the_main_thread_also_after_an_error(main_thread, pool, windowed):
    seen = []

    @contextmanager
    def noting():
        seen.append(threading.get_ident())
        try:
            yield
        finally:
            seen.append(threading.get_ident())

    def fail():
        with entered(noting(), main_thread.run):
            raise KeyError("in between")

    future = pool.submit(fail)
    serve_until_done(main_thread, future)
    assert isinstance(future.exception(), KeyError)
    assert seen == [threading.get_ident()] * 2
