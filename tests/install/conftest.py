from __future__ import annotations

import pytest
from doubles.machine import machine_in

from ft_dcc.install import run, vendored


@pytest.fixture(params=["linux", "darwin", "win32"])
def machine(request, tmp_path):
    """An empty machine of each kind, simulated by its folders and its environment."""
    return machine_in(tmp_path, request.param)


@pytest.fixture(autouse=True)
def _no_index(monkeypatch):
    """Nothing is fetched: whoever tries gets what a machine without a network gets."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture(scope="session")
def packed(tmp_path_factory):
    """The wheels of this environment, made once by what makes them each time."""
    return vendored.make_wheels(tmp_path_factory.mktemp("wheels"), (3, 11), with_ffmpeg=False)


@pytest.fixture
def install(packed, monkeypatch):
    """Install with some of the packages, and without an ffmpeg: to put files somewhere takes its time."""
    some = [wheel for wheel in packed if wheel.name.startswith(("certifi-", "clique-"))]
    return _installing(some, monkeypatch)


@pytest.fixture
def install_whole(packed, monkeypatch):
    """Install with all packages, and without an ffmpeg, which is large."""
    return _installing(packed, monkeypatch)


def _installing(wheels, monkeypatch):
    make = vendored.make_wheels

    def take(folder, python, *, with_ffmpeg):
        return wheels if python >= vendored.needed_python() else make(folder, python, with_ffmpeg=with_ffmpeg)

    monkeypatch.setattr(vendored, "make_wheels", take)

    def call(host, machine, **options):
        if host == "nuke":
            pytest.importorskip("ft_dcc_nuke", reason="the Nuke adapter is not there yet")
        return run.install(host, machine, with_ffmpeg=False, **options)

    return call
