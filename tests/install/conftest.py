import pytest
from doubles.machine import machine_in
from doubles.releases import SmallReleases

from ft_dcc.install import installation, vendored


@pytest.fixture(params=["linux", "darwin", "win32"])
def machine(request, tmp_path):
    return machine_in(tmp_path, request.param)


@pytest.fixture(autouse=True)
def _no_index(monkeypatch):
    """Disable downloads, as on a machine without a network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture(scope="session")
def all_wheels(tmp_path_factory):
    return vendored.make_wheels(tmp_path_factory.mktemp("wheels"), (3, 11), with_ffmpeg=False)


@pytest.fixture
def install(all_wheels, monkeypatch):
    """Install with two small packages and without ffmpeg, to save time."""
    few = [wheel for wheel in all_wheels if wheel.name.startswith(("certifi-", "clique-"))]
    return _installing(few, monkeypatch)


@pytest.fixture
def install_whole(all_wheels, monkeypatch):
    """Install with all packages and without ffmpeg, which is large."""
    return _installing(all_wheels, monkeypatch)


def _installing(wheels, monkeypatch):
    make = vendored.make_wheels

    def make_wheels(folder, python, **options):
        return wheels if python >= vendored.minimum_python() else make(folder, python, **options)

    monkeypatch.setattr(vendored, "make_wheels", make_wheels)

    def call(host, machine, **options):
        if host == "nuke":
            pytest.importorskip("ft_dcc_nuke", reason="the Nuke adapter is not installed")
        return installation.install(host, machine, with_ffmpeg=False, **options)

    return call


@pytest.fixture
def releases(monkeypatch):
    return SmallReleases(monkeypatch)


@pytest.fixture
def share(tmp_path):
    return tmp_path / "Freigabe für Künstler"
