"""The files of a deployment outside of its releases: start-up scripts, a Rez package, files for Connect and farms."""

from __future__ import annotations

from pathlib import Path

from ft_dcc.errors import InstallFailed
from ft_dcc.files.atomic import write_atomically
from ft_dcc.install import host_discovery, release_build, release_loader, vendored

# Connect takes name and version of a plugin from its folder's name; the plugin itself does not change with a release.
CONNECT_PLUGIN = "ft-dcc-1.0.0"
# A folder "modules" would replace the modules of Blender before 4.2.
_LOADERS = ("maya/scripts/ft_dcc_release.py", "nuke/ft_dcc_release.py", "blender/ft_dcc/ft_dcc_release.py")
# Maya runs every userSetup.py that it finds, one after the other: ours never raises, and never delays the others. Its
# syntax is that of Python 2.7 and later, because Maya 2022 can be started with that, and Nuke 13 has 3.7.
_START = '''"""Start the deployed ft-dcc in every {title}{where}; this script never raises."""


def _start_ft_dcc():
    import sys

    try:
        if sys.version_info < (3, 9):
            {too_old}
            return
        import ft_dcc_release
        {imports}

        if ft_dcc_release.activate("{host}", {version}):
            import ft_dcc_{host}

            ft_dcc_{host}.{start}()
    except (Exception, SystemExit) as error:
        why = (type(error).__name__, error)
        sys.stderr.write("ft-dcc could not {what}: %s: %s. Ask your administrator for: ft-dcc deploy\\n" % why)


_start_ft_dcc()
# {title} may run this script in the artist's own namespace.
del _start_ft_dcc
'''
_TOO_OLD = 'sys.stderr.write("ft-dcc needs {0} or later: this {1} runs Python %d.%d.\\n" % sys.version_info[:2])'
_MAYA = {
    "title": "Maya",
    "host": "maya",
    "where": "",
    "start": "start",
    "what": "be started",
    "imports": "from maya import cmds",
    "version": "str(cmds.about(version=True))[:4]",
    "too_old": _TOO_OLD.format("Maya 2023", "Maya"),
}
_NUKE = {
    **_MAYA,
    "title": "Nuke",
    "host": "nuke",
    "where": ", with a window or without",
    "imports": "import nuke",
    "version": 'str(nuke.env["NukeVersionMajor"])',
    "too_old": _TOO_OLD.format("Nuke 14", "Nuke"),
}
# What init.py of Nuke has reported already is not repeated.
_NUKE_MENU = {**_NUKE, "where": " with a window", "start": "start_window", "what": "add its menu", "too_old": "pass"}
_STARTS = {"maya/scripts/userSetup.py": _MAYA, "nuke/init.py": _NUKE, "nuke/menu.py": _NUKE_MENU}
_REZ_PACKAGE = """name = "ft_dcc"
version = "{name}"
description = "From the viewport to a review session in one click, in Maya, Nuke and Blender"


def commands():
    import os

    # The start-up scripts of the deployment, which load the release of this package.
    top = os.path.dirname(os.path.dirname(os.path.dirname(this.root)))
    env.{release_variable} = "{name}"
{lines}
"""


def write(top: Path, facts: release_build.Facts, name: str, *, may_replace: bool) -> None:
    """Write the files whose content differs; raise InstallFailed for one of others, unless ``may_replace``."""
    served = {host for host, _ in facts.served}
    lines = [
        f'    env.{about.variable}.append(os.path.join(top, "{host}"))'
        for host, about in host_discovery.HOSTS.items()
        if host in served
    ]
    variable = release_loader.RELEASE_VARIABLE
    package = _REZ_PACKAGE.format(name=name, release_variable=variable, lines="\n".join(lines))
    contents = {rez_package(top, name): package.encode()}
    contents.update({top / place: _START.format(**values).encode() for place, values in _STARTS.items()})
    source = vendored.package_folder("ft_dcc") / "install" / "deployed"
    for path in vendored.files_in(source):
        folder, *rest = path.relative_to(source).parts
        target = top / folder / CONNECT_PLUGIN if folder == "connect" else top / folder
        contents[target.joinpath(*rest)] = path.read_bytes()
    contents.update(dict.fromkeys((top / place for place in _LOADERS), Path(release_loader.__file__).read_bytes()))
    for path, content in contents.items():
        if not may_replace and path.exists() and path.read_bytes() != content:
            raise InstallFailed(f"{path} exists and is not a file of ft-dcc. Move it, or deploy to another folder.")
    for path, content in contents.items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)


def rez_package(top: Path, name: str) -> Path:
    """Return the path of a release's Rez package."""
    return top / "rez" / "ft_dcc" / name / "package.py"
