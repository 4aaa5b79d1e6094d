"""The files of a deployment outside of its releases: start-up scripts, a Rez package, files for Connect and farms."""

from __future__ import annotations

import shutil
from pathlib import Path

from ft_dcc.errors import InstallFailed
from ft_dcc.files.atomic import write_atomically
from ft_dcc.install import release_loader, vendored
from ft_dcc.install.release_build import Facts

# Connect takes name and version of a plugin from its folder's name; the plugin itself does not change with a release.
CONNECT_PLUGIN = "ft-dcc-1.0.0"
# A folder "modules" would replace the modules of Blender before 4.2.
_LOADERS = ("maya/scripts/ft_dcc_release.py", "nuke/ft_dcc_release.py", "blender/ft_dcc/ft_dcc_release.py")
_FOLDERS = {**{name: name for name in ("maya", "nuke", "blender", "farm")}, "connect": f"connect/{CONNECT_PLUGIN}"}
# The variables by which the hosts find their start-up scripts.
VARIABLES = {"maya": "MAYA_MODULE_PATH", "nuke": "NUKE_PATH", "blender": "BLENDER_SYSTEM_SCRIPTS"}
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


def write(top: Path, facts: Facts, name: str, *, may_replace: bool) -> None:
    """Write the files whose content differs, each one completely or not at all.

    Raises InstallFailed if one exists and may not be replaced, because it may be a file of others.
    """
    contents = {rez_package(top, name): _rez_definition(facts, name).encode()}
    source = vendored.package_folder("ft_dcc") / "install" / "deployed"
    for part, target in _FOLDERS.items():
        for path in sorted((source / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                contents[top / target / path.relative_to(source / part)] = path.read_bytes()
    contents.update(dict.fromkeys((top / place for place in _LOADERS), Path(release_loader.__file__).read_bytes()))
    changed = {path: content for path, content in contents.items() if _content(path) != content}
    for path in changed:
        if path.exists() and not may_replace:
            raise InstallFailed(f"{path} exists and is not a file of ft-dcc. Move it, or deploy to another folder.")
    for path, content in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)


def rez_package(top: Path, name: str) -> Path:
    """Return the path of a release's Rez package."""
    return top / "rez" / "ft_dcc" / name / "package.py"


def remove_rez_package(top: Path, name: str) -> None:
    """Remove the Rez package of a release."""
    shutil.rmtree(rez_package(top, name).parent, ignore_errors=True)


def _rez_definition(facts: Facts, name: str) -> str:
    served = {host for host, _ in facts.served}
    lines = [
        f'    env.{variable}.append(os.path.join(top, "{host}"))'
        for host, variable in VARIABLES.items()
        if host in served
    ]
    return _REZ_PACKAGE.format(name=name, release_variable=release_loader.RELEASE_VARIABLE, lines="\n".join(lines))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
