"""Small releases for tests of deployments: every Python and system, without a network and in a moment."""

import zipfile

from ft_dcc.install import deployment, release_build, vendored

RELEASE = "1.0.0"


def write_wheel(folder, name, files):
    """Write a wheel with these files; those in a folder ``binaries`` are programs."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            item = zipfile.ZipInfo(file, (1980, 1, 1, 0, 0, 0))
            item.external_attr = (0o777 if "binaries" in file else 0o644) << 16
            archive.writestr(item, content)
    return path


def _write_empty_package(name, folder, *, without=""):
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()


# All versions of all hosts, and ffmpeg for all systems.
EVERYTHING = {"only": None, "systems": tuple(release_build.SYSTEMS)}


class SmallReleases:
    """Deploys releases whose core is one module with this ``content``; ``missing`` Pythons cannot be downloaded.

    They are for one version of each host and one system, unless the test orders others, and their adapters are empty
    unless they are to be started: ``with_adapters``.
    """

    def __init__(self, monkeypatch, *, with_adapters=False):
        self.content = "one"
        self.missing = set()
        self.systems_offline = False
        monkeypatch.setattr(vendored, "minimum_python", lambda: (3, 11))
        monkeypatch.setattr(vendored, "release", lambda: RELEASE)
        monkeypatch.setattr(vendored, "make_wheels", self._make_wheels)
        monkeypatch.setattr(vendored, "make_ffmpeg_wheel", self._make_ffmpeg_wheel)
        monkeypatch.setattr(release_build, "TRY_IMPORT", "import sys; sys.path.append(sys.argv[1]); import ft_dcc.late")
        if not with_adapters:
            monkeypatch.setattr(vendored, "copy_package", _write_empty_package)

    def deploy(self, top, content="one", *, replace=False, **order):
        self.content = content
        order = {"only": ("2025", "16", "4.2"), "systems": ("linux-x86_64",), **order}
        return deployment.deploy(top, release_build.Order(**order), may_lose_versions=replace)

    def _make_wheels(self, folder, python, *, with_ffmpeg, is_for_this_machine):
        assert (with_ffmpeg, is_for_this_machine) == (False, False)
        if python in self.missing:
            raise vendored.InstallFailed(f"pip could not download packages for {python} to {folder}.")
        late = f"CONTENT = {self.content!r}\nPYTHON = {python!r}\n"
        return [write_wheel(folder, "ft_dcc", {"ft_dcc/__init__.py": "", "ft_dcc/late.py": late})]

    def _make_ffmpeg_wheel(self, folder, platforms, *, is_own_system):
        if self.systems_offline and not is_own_system:
            raise vendored.InstallFailed(f"no network in {folder}")
        files = {"imageio_ffmpeg/__init__.py": f"PLATFORM = {platforms[0]!r}\n", "imageio_ffmpeg/binaries/ffmpeg": ""}
        return write_wheel(folder, "imageio_ffmpeg", files)
