"""Scripts and plugins with ``import ftrack_api`` run unchanged where the official client is not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ft_dcc.cli.main import run
from ft_dcc.errors import StorageError
from ft_dcc.session.compat import ftrack_api_import

PLUGIN = """\
import functools
import logging

import ftrack_api
import ftrack_api.accessor.disk
import ftrack_api.structure.standard as standard
from ftrack_api.entity.location import UnmanagedLocationMixin

logger = logging.getLogger("studio.locations")


def configure_locations(event, session):
    location = session.ensure("Location", {"name": "plugin.disk"})
    ftrack_api.mixin(location, UnmanagedLocationMixin)
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix="")
    location.structure = standard.StandardStructure()
    location.priority = 5


def register(session, **kw):
    if not isinstance(session, ftrack_api.session.Session):
        logger.debug("Not a session: %r", session)
        return
    session.event_hub.subscribe(
        "topic=ftrack.api.session.configure-location", functools.partial(configure_locations, session=session)
    )
"""
SCRIPT = """\
import json
import sys

import ftrack_api
import ftrack_api.session
from ftrack_api.event.base import Event

with ftrack_api.Session(plugin_paths=[sys.argv[1]]) as session:
    location = session.query("Location where name is plugin.disk").one()
    try:
        session.query("Tusk")
    except ftrack_api.exception.UnrecognisedEntityTypeError as error:
        refused = type(error).__name__
    print(json.dumps({
        "module": ftrack_api.__name__,
        "once": sys.modules["ftrack_api.session"] is sys.modules["ft_dcc.session"],
        "event": Event("studio.test")["topic"],
        "location": [type(location.accessor).__name__, type(location.structure).__name__, location.priority],
        "refused": refused,
    }))
"""


def run_python(folder: Path, *arguments: str, **environment: str) -> str:
    path = os.pathsep.join((str(folder), environment.pop("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment, "PYTHONPATH": path},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_script_and_plugin_that_import_ftrack_api_run_unchanged(studio_server, tmp_path):
    ftrack_api_import.install(tmp_path / "compat")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "locations.py").write_text(PLUGIN, encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    server = {
        "FTRACK_SERVER": studio_server.server_url,
        "FTRACK_API_USER": studio_server.api_user,
        "FTRACK_API_KEY": studio_server.api_key,
    }
    printed = run_python(tmp_path / "compat", str(script), str(tmp_path / "plugins"), **server)
    assert json.loads(printed) == {
        "module": "ft_dcc",
        "once": True,
        "event": "studio.test",
        "location": ["DiskAccessor", "StandardStructure", 5],
        "refused": "UnrecognisedEntityTypeError",
    }


def test_installed_official_client_comes_first_wherever_the_folder_is_on_the_path(tmp_path):
    for name in ("one", "two"):
        ftrack_api_import.install(tmp_path / name)
    official = tmp_path / "site" / "ftrack_api"
    official.mkdir(parents=True)
    (official / "__init__.py").write_text("from ftrack_api.session import Session\n", encoding="utf-8")
    (official / "session.py").write_text("class Session: pass\n", encoding="utf-8")
    path = os.pathsep.join((str(tmp_path / "two"), str(tmp_path / "site")))
    show = "import ftrack_api.session; print(ftrack_api.session.__file__, ftrack_api.Session.__module__)"
    printed = run_python(tmp_path / "one", "-c", show, PYTHONPATH=path).split()
    assert printed == [str(official / "session.py"), "ftrack_api.session"]
    provide = "from ft_dcc.session.compat.ftrack_api_import import provide; print(provide())"
    assert run_python(tmp_path / "site", "-c", provide).strip() == "False"


def test_one_process_can_provide_the_name_without_a_folder(tmp_path):
    show = (
        "from ft_dcc.session.compat.ftrack_api_import import provide; print(provide(), provide()); "
        "import ftrack_api, ft_dcc; from ftrack_api.structure.id import IdStructure; "
        "print(ftrack_api is ft_dcc, IdStructure.__module__)"
    )
    assert run_python(tmp_path, "-c", show).split() == [
        "True",
        "True",
        "True",
        "ft_dcc.session.locations.structure",
    ]


def test_unknown_module_of_ftrack_api_is_not_found(tmp_path):
    ftrack_api_import.install(tmp_path)
    show = "import importlib.util, ftrack_api; print(importlib.util.find_spec('ftrack_api.nothing'))"
    assert run_python(tmp_path, "-c", show).strip() == "None"


def test_command_writes_and_removes_the_package(tmp_path, capsys):
    for arguments, text in (("install", "PYTHONPATH"), ("install", "PYTHONPATH"), ("uninstall", "removed")):
        assert run(["compat", arguments, "--to", str(tmp_path)]) == 0
        assert text in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert not ftrack_api_import.uninstall(tmp_path)


@pytest.mark.parametrize("change", [ftrack_api_import.install, ftrack_api_import.uninstall])
def test_package_of_another_origin_is_left_alone(tmp_path, change):
    other = tmp_path / "ftrack_api" / "__init__.py"
    other.parent.mkdir()
    other.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(StorageError, match="not a package of ft-dcc"):
        change(tmp_path)
    assert other.read_text(encoding="utf-8") == "x = 1\n"
