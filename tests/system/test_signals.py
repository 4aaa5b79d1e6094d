import signal

from ft_dcc.system.signals import stopped_by_signals


def test_a_server_stops_when_the_window_of_its_terminal_is_closed(monkeypatch):
    # Windows has this signal; here, another one takes its number.
    number = getattr(signal, "SIGBREAK", None) or signal.SIGUSR1
    monkeypatch.setattr(signal, "SIGBREAK", number, raising=False)
    before, stopped = signal.getsignal(number), []
    with stopped_by_signals(lambda: stopped.append(True)):
        signal.raise_signal(number)
    assert (stopped, signal.getsignal(number)) == ([True], before)
