import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import CaptureFailed
from ft_dcc.host_support.main_thread import entered_on_main_thread


@pytest.fixture
def main_thread(bpy):
    from ft_dcc_blender import main_thread

    return main_thread


@pytest.fixture
def windowed(monkeypatch, main_thread):
    """Make the module see a Blender with a window: it reads only ``bpy.app.background``."""

    class App:
        background = False

    monkeypatch.setattr(main_thread.bpy, "app", App)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(max_workers=1) as threads:
        yield threads


def serve_until_done(main_thread, future):
    while not future.done():
        main_thread.serve()


def test_a_call_runs_on_the_thread_that_serves(main_thread, pool, windowed):
    future = pool.submit(main_thread.run, threading.get_ident)
    serve_until_done(main_thread, future)
    assert future.result() == threading.get_ident()


def test_a_call_that_times_out_does_not_run_later(main_thread, pool, windowed):
    ran = []
    with pytest.raises(CaptureFailed, match="main thread was busy"):
        pool.submit(main_thread.run, lambda: ran.append(1), 0.05).result(TIMEOUT_SECONDS)
    main_thread.serve()
    assert ran == []


def test_without_a_window_a_call_runs_on_the_calling_thread(main_thread, pool):
    assert pool.submit(main_thread.run, threading.get_ident).result(TIMEOUT_SECONDS) != threading.get_ident()


def test_without_a_window_a_waiting_main_thread_runs_the_call(main_thread, monkeypatch):
    # However late the main thread begins to wait.
    monkeypatch.setattr(main_thread, "_SERVED_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(main_thread.run(threading.get_ident)))
    thread.start()
    main_thread.serve_until_ended(thread, TIMEOUT_SECONDS)
    assert seen == [threading.get_ident()]


def test_slice_and_redraw_take_the_response_time_or_a_slow_redraw_half_of_the_time(main_thread, monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    clock, done = Clock(), []

    def draw(frame):
        clock.now += 0.07
        done.append(frame)

    monkeypatch.setattr(main_thread, "time", clock)
    monkeypatch.setattr(main_thread, "_slice_end", None)
    redraws, counts = (0.08, 0.2, 7.0, 0.0), (5, 9, 12, 16)
    for frame in range(counts[-1]):
        main_thread._calls.put(main_thread.ThreadCall(lambda frame=frame: draw(frame), "Blender"))
    for redraw_seconds, count in zip(redraws, counts):
        main_thread.serve()
        assert len(done) == count
        clock.now += redraw_seconds + main_thread._NEXT_SLICE_SECONDS


def test_a_context_manager_exits_on_the_main_thread_after_an_error(main_thread, pool, windowed):
    seen = []

    @contextmanager
    def recording():
        seen.append(threading.get_ident())
        try:
            yield
        finally:
            seen.append(threading.get_ident())

    def fail():
        with entered_on_main_thread(recording(), main_thread.run):
            raise KeyError("in between")

    future = pool.submit(fail)
    serve_until_done(main_thread, future)
    assert isinstance(future.exception(), KeyError)
    assert seen == [threading.get_ident()] * 2
