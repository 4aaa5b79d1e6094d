"""Publishes of four processes at once: every version resolves to its own files on every system, and nothing is left."""

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doubles import many_publishes

from ft_dcc.files.checksum import sha256_of
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task
from ft_dcc.production.versions import read_versions
from ft_dcc.session import Session

COUNT = int(os.environ.get("FT_DCC_PUBLISHES", "12"))
PROCESSES = 4
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the roots of the publishing processes are links"),
    pytest.mark.timeout(600 + 10 * COUNT),
]
WINDOWS = r"\\server\show ü"


@pytest.fixture
def roots(tmp_path):
    """Return the studio's folder by system; on macOS it is another path of the same folder."""
    (tmp_path / "show").mkdir()
    (tmp_path / "Volumes é").symlink_to(tmp_path / "show")
    return {"linux": str(tmp_path / "show"), "macos": str(tmp_path / "Volumes é"), "windows": WINDOWS}


@pytest.fixture
def known(start_server, tmp_path, roots, monkeypatch):
    """Return the credentials of a server whose storage scenario has the roots; publishes follow rules of them."""
    known = start_server().credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        location = session.create("Location", {"name": "studio"})
        mount_points = {"linux": roots["linux"], "osx": roots["macos"], "windows": roots["windows"]}
        data = {"location_id": location["id"], "location_name": "studio", "accessor": {"mount_points": mount_points}}
        setting = session.query('Setting where name is "storage_scenario" and group is "STORAGE"').one()
        setting["value"] = {"scenario": "ftrack.centralized-storage", "data": data}
        session.commit()
    values = {
        "FTRACK_SERVER": known.server_url,
        "FTRACK_API_USER": known.api_user,
        "FTRACK_API_KEY": known.api_key,
        "FT_DCC_MOVIE_PATH": "{project}/{shot}/{asset}_{version}.mp4",
        "FT_DCC_FRAMES_PATH": "{project}/{shot}/{version}/{shot}_{asset}.####.png",
        "FT_DCC_LATEST_PATH": "{project}/{shot}/{asset}_latest.mp4",
        "FT_DCC_RENDERS": str(tmp_path / "renders"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return known


def publish_all(tmp_path, roots, tasks):
    """Publish in four processes, as Linux and as macOS, and return the ids of the versions."""

    def run(number):
        system = ("linux", "macos")[number % 2]
        job = {"folder": roots[system], "jobs": str(tmp_path / f"jobs {number}"), "tasks": tasks, "system": system}
        job["numbers"] = list(range(number, COUNT, PROCESSES))
        command = [sys.executable, many_publishes.__file__]
        return subprocess.run(command, input=json.dumps(job), stdout=subprocess.PIPE, encoding="utf-8", check=True)

    with ThreadPoolExecutor(PROCESSES) as executor:
        return [version for done in executor.map(run, range(PROCESSES)) for version in json.loads(done.stdout)]


def read_with_official_client(python, tmp_path, ids):
    (tmp_path / "ids.json").write_text(json.dumps(ids))
    script = Path(__file__).parents[1] / "official" / "scripts" / "stored.py"
    command = [str(python), str(script), str(tmp_path / "ids.json")]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout)


def files_of(versions, folder, checksums):
    """Return the owner of each file below a system's folder, after the comparison of its checksum."""
    owners = {}
    for version in versions:
        names = [component.name for component in version.components]
        assert {"main", "movie", "scene"} >= set(names) >= {"main", "movie"}, version.label
        for component in version.components:
            assert len(component.files) == (3 if component.name == "main" else 1), version.label
            for file in component.files:
                relative = file.path.removeprefix(folder).replace("\\", "/").lstrip("/")
                assert relative != file.path, f"{version.label} has {file.path}, which is not below {folder}"
                assert file.sha256 == checksums[relative], file.path
                assert component.name == "scene" or relative not in owners, file.path
                owners[relative] = version.id
    return owners


def test_every_version_of_publishes_at_once_has_its_own_files_on_every_system(
    known, tmp_path, roots, official_python, monkeypatch
):
    with Session(known.server_url, known.api_key, known.api_user) as session:
        paths = [f"Show/SQ010/SH{number:03d}/Comp" for number in range(1, max(2, COUNT // 50) + 1)]
        tasks = [ensure_task(session, path, frame_range=FrameRange(1001, 1003), fps=24) for path in paths]
        for task in tasks:
            session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
        session.commit()
    ids = publish_all(tmp_path, roots, [task["id"] for task in tasks])
    assert len(set(ids)) == COUNT
    found = read_with_official_client(official_python, tmp_path, ids)
    frames = {f"main in {place}: available, unchanged" for place in ("studio", "ftrack.unmanaged")}
    of_server = {f"{name} in ftrack.server: available" for name in ("ftrackreview-mp4", "thumbnail")}
    others = {"movie in studio: available, unchanged", "scene in ftrack.unmanaged: available, unchanged"}
    assert set(found) == {*frames, *of_server, *others}
    assert sum(found[name] for name in frames) == 3 * COUNT
    show = Path(roots["linux"])
    found = [path for path in show.rglob("*") if path.is_file()]
    checksums = {str(path.relative_to(show)): sha256_of(path) for path in found}
    for system, folder in roots.items():
        monkeypatch.setattr("ft_dcc.files.roots.this_system", lambda system=system: system)
        with Session(known.server_url, known.api_key, known.api_user) as session:
            versions = read_versions(session, ids)
        owners = files_of(versions, folder, checksums)
    assert Counter((each.shot, each.asset, each.number) for each in versions).most_common(1)[0][1] == 1
    left = {path for path in checksums if path not in owners and not path.startswith("source/")}
    newest = {(each.shot, each.asset): each for each in sorted(versions, key=lambda each: each.number)}
    latest = {f"Show/{shot}/{asset}_latest.mp4": each.component("movie") for (shot, asset), each in newest.items()}
    assert {path: checksums[path] for path in latest} == {path: each.files[0].sha256 for path, each in latest.items()}
    locks = {str(Path(path).with_name(f".{Path(path).name}.lock")) for path in latest}
    assert left == {*latest, *locks}
    # The frames and scenes that were published, as they were made.
    sources = [path for path in checksums if path.startswith("source/")]
    assert len(sources) == PROCESSES + sum(3 if number % 3 == 2 else 4 for number in range(COUNT) if number % 3)
