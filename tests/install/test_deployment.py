"""Deploy, roll back and prune on one share, with small releases."""

import getpass
import json
import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import filelock
import pytest
from doubles.command_line import run_command
from doubles.releases import EVERYTHING, SmallReleases

from ft_dcc.errors import InstallFailed, SettingInvalid, StorageError
from ft_dcc.install import deployed_files, deployment, release_build, vendored

DAY = 24 * 60 * 60


@pytest.fixture
def share(tmp_path):
    return tmp_path / "Freigabe für 'alle' $(exit 3); & 100% {x}"


def current(share):
    return json.loads((share / "current.json").read_text(encoding="utf-8"))["release"]


def names(share):
    return sorted(path.name for path in (share / "releases").iterdir())


def leave_lease(share, release, *, age_days):
    path = share / "leases" / f"{release}~{age_days}.json"
    path.write_text('{"host": "Maya 2025"}', encoding="utf-8")
    os.utime(path, (time.time() - age_days * DAY,) * 2)
    return path


def set_last_used(share, **days):
    found = json.loads((share / "current.json").read_text(encoding="utf-8"))
    for name, age in days.items():
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age * DAY))
        found["last_used"][name.replace("r", "1.0.0-").removesuffix("-1")] = when
    (share / "current.json").write_text(json.dumps(found), encoding="utf-8")


def test_a_release_serves_every_supported_version_and_names_the_others(releases, share):
    done = releases.deploy(share, **EVERYTHING)
    assert (done.name, done.is_new, current(share), names(share)) == ("1.0.0", True, "1.0.0", ["1.0.0"])
    facts = release_build.read_facts(share / "releases" / "1.0.0")
    assert facts.packages == ("py3.9", "py3.10", "py3.11")
    reasons = {version: reason for versions in facts.hosts.values() for version, reason in versions.items() if reason}
    assert reasons == dict.fromkeys(("2022", "13"), "its Python 3.7 is too old for ft-dcc, which needs 3.9")
    assert set(facts.systems) == set(release_build.SYSTEMS)
    assert all((share / "releases" / "1.0.0" / "systems" / name / "imageio_ffmpeg").is_dir() for name in facts.systems)
    assert set(facts.files) == set(release_build.checksums(share / "releases" / "1.0.0")) - {"release.json"}
    # No folder that replaces one of an older Blender.
    assert sorted(path.name for path in (share / "blender").iterdir()) == ["ft_dcc", "startup"]


def test_every_package_of_a_release_has_its_licence(all_wheels, releases, share, tmp_path):
    vendored.unpack(all_wheels, tmp_path / "packages")
    infos = sorted((tmp_path / "packages").glob("*.dist-info"))
    assert len(infos) >= len(vendored.PACKAGES) + 1
    lacking = [info.name for info in infos if not any(len(text) > 500 for text in texts_in(info))]
    assert lacking == []
    releases.deploy(share, **EVERYTHING)
    for system in release_build.SYSTEMS:
        folder = share / "releases" / "1.0.0" / "systems" / system / "imageio_ffmpeg"
        assert "GNU GENERAL PUBLIC LICENSE" in "".join(texts_in(folder)), system
    # Of the package around ffmpeg.
    assert vendored._licences("imageio-ffmpeg", Path("imageio_ffmpeg-1-py3-none-any.whl"))


def texts_in(folder):
    return [
        path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if "licen" in path.name.lower() and path.is_file()
    ]


def test_equal_packages_of_two_pythons_are_stored_once(releases, share, monkeypatch):
    make = releases._make_wheels
    monkeypatch.setattr(vendored, "make_wheels", lambda folder, python, **options: make(folder, (3, 9), **options))
    assert releases.deploy(share, only=("2023", "2025")).facts.packages == ("py3.9",)
    assert [path.name for path in (share / "releases" / "1.0.0" / "packages").iterdir()] == ["py3.9"]


def test_packages_that_cannot_be_downloaded_are_reported_without_paths_in_the_release(releases, share):
    releases.missing, releases.systems_offline = {(3, 9)}, True
    done = releases.deploy(share, **EVERYTHING)
    assert done.facts.hosts["maya"]["2023"] == "it was deployed without packages for Python 3.9"
    assert done.facts.hosts["maya"]["2024"] == ""
    assert done.errors[0].startswith("pip could not download packages for (3, 9)")
    assert sum(not reason for reason in done.facts.systems.values()) == 1


def test_a_release_without_any_version_is_an_error(releases, share):
    releases.missing = {(3, 9), (3, 10), (3, 11)}
    with pytest.raises(InstallFailed, match="would serve no version of a host: pip could not download"):
        releases.deploy(share, **EVERYTHING)
    assert not (share / "current.json").exists()


def test_nothing_on_the_share_names_the_builder_or_a_path_of_its_machine(share, monkeypatch):
    monkeypatch.setenv("FTRACK_API_KEY", "secret-key-of-the-builder")
    monkeypatch.setattr(release_build, "TRY_IMPORT", "")
    deployment.deploy(share, release_build.Order(only=("2025",), systems=()))
    forbidden = [str(share), str(Path(sys.executable).parent), str(Path.home() / "x")[:-1], "secret-key-of-the-builder"]
    if len(getpass.getuser()) > 4:
        forbidden.append(getpass.getuser())
    for path in share.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        # platformdirs and the tests of a package mention a folder /root or /home/user in comments.
        if "platformdirs" not in path.parts and "websocket" not in path.parts:
            assert [text for text in forbidden if text.encode() in content] == [], path


def test_an_upgrade_keeps_the_earlier_release_and_an_identical_intact_one_is_used_again(releases, share):
    releases.deploy(share)
    before = release_build.checksums(share / "releases" / "1.0.0")
    assert (releases.deploy(share, "two").name, current(share)) == ("1.0.0-2", "1.0.0-2")
    assert release_build.checksums(share / "releases" / "1.0.0") == before
    state = (share / "current.json").read_bytes()
    again = releases.deploy(share, "two")
    assert (again.is_new, again.was_current, again.name) == (False, True, "1.0.0-2")
    assert (share / "current.json").read_bytes() == state
    (share / "releases" / "1.0.0-2" / "packages" / "py3.11" / "ft_dcc" / "late.py").write_text("", encoding="utf-8")
    assert releases.deploy(share, "two").name == "1.0.0-3"


def test_rollback_goes_back_release_by_release_and_an_identical_deploy_returns(releases, share):
    for content in ("one", "two", "three"):
        releases.deploy(share, content)
    assert deployment.rollback(share) == ("1.0.0-3", "1.0.0-2")
    assert deployment.rollback(share) == ("1.0.0-2", "1.0.0")
    with pytest.raises(InstallFailed, match=r"There is no release before 1\.0\.0"):
        deployment.rollback(share)
    assert current(share) == "1.0.0"
    back = releases.deploy(share, "three")
    assert (back.is_new, back.was_current, current(share), len(names(share))) == (False, False, "1.0.0-3", 3)
    assert deployment.rollback(share) == ("1.0.0-3", "1.0.0")


def test_a_release_that_differs_on_the_share_or_cannot_be_imported_is_not_switched_to(releases, share, monkeypatch):
    releases.deploy(share)

    def copy_badly(source, target):
        shutil.copytree(source, target)
        next(target.rglob("late.py")).write_bytes(b"\0")

    monkeypatch.setattr(deployment, "shutil", SimpleNamespace(copytree=copy_badly, rmtree=shutil.rmtree))
    with pytest.raises(InstallFailed, match=r"late\.py is not what was written"):
        releases.deploy(share, "two")
    monkeypatch.setattr(deployment, "shutil", shutil)
    monkeypatch.setattr(release_build, "TRY_IMPORT", "import nowhere_at_all")
    with pytest.raises(InstallFailed, match=r"py3\.11 cannot be imported: .*nowhere_at_all"):
        releases.deploy(share, "two")
    assert (current(share), names(share)) == ("1.0.0", ["1.0.0"])


def test_what_an_interrupted_deploy_left_is_removed_by_the_next(releases, share, monkeypatch):
    releases.deploy(share)
    half = share / "releases" / ".part-0123abcd"
    shutil.copytree(share / "releases" / "1.0.0", half)
    (half / "release.json").unlink()
    assert [state.name for state in deployment.status(share)] == ["1.0.0"]

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(deployment, "_write_current", interrupt)
    with pytest.raises(KeyboardInterrupt):
        releases.deploy(share, "two")
    assert (current(share), names(share)) == ("1.0.0", ["1.0.0", "1.0.0-2"])
    monkeypatch.undo()
    again = SmallReleases(monkeypatch).deploy(share, "two")
    assert (again.name, again.is_new, current(share)) == ("1.0.0-2", False, "1.0.0-2")


def test_a_release_that_would_lose_served_versions_is_refused(releases, share):
    releases.deploy(share, only=("2023", "2025", "14"))
    releases.missing = {(3, 9)}
    lost = "would not serve Maya 2023, Nuke 14, which 1.0.0 serves"
    with pytest.raises(InstallFailed, match=lost):
        releases.deploy(share, "two", only=("2023", "2025", "14"))
    assert current(share) == "1.0.0"
    assert releases.deploy(share, "two", replace=True).name == "1.0.0-2"


def test_the_files_are_readable_and_not_writable_for_everybody_whatever_the_umask_is(releases, share):
    if os.name == "nt":
        pytest.skip("Windows has no file modes")
    mask = os.umask(0o077)
    try:
        releases.deploy(share, systems=tuple(release_build.SYSTEMS))
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(mask)
    paths = [share, *(path for path in share.rglob("*") if path.name != ".deploy.lock")]
    assert [path for path in paths if path.stat().st_mode & 0o444 != 0o444] == []
    assert [path for path in paths if path.is_dir() and path.stat().st_mode & 0o111 != 0o111] == []
    assert [path for path in paths if path.stat().st_mode & 0o022 and path.name != "leases"] == []
    assert (share / "leases").stat().st_mode & 0o7777 == 0o1777
    programs = [path for path in paths if path.parent.name == "binaries"]
    assert [path.stat().st_mode & 0o777 for path in programs] == [0o755] * len(release_build.SYSTEMS)


def test_hosts_and_versions_can_be_chosen(releases, share):
    done = releases.deploy(share, hosts=("maya", "nuke"), only=("2025", "15"), systems=("linux-x86_64",))
    assert done.facts.served == [("maya", "2025"), ("nuke", "15")]
    assert done.facts.packages == ("py3.10", "py3.11")
    assert not list(share.rglob("ft_dcc_blender"))
    assert "BLENDER" not in deployed_files.rez_package(share, "1.0.0").read_text(encoding="utf-8")


def test_lists_of_versions_and_names_are_checked():
    assert release_build.parse_versions("2025, 15.1v2,4.2") == ("2025", "15", "4.2")
    with pytest.raises(SettingInvalid, match="1999 is not one of: 2022"):
        release_build.parse_versions("1999")
    with pytest.raises(SettingInvalid, match="houdini is not one of: maya, nuke"):
        release_build.parse_names("maya,houdini", ["maya", "nuke"])


def test_two_deploys_at_the_same_time_exclude_each_other(releases, share):
    releases.deploy(share)
    with (
        filelock.FileLock(share / ".deploy.lock"),
        pytest.raises(InstallFailed, match=r"Another ft-dcc deploy changes .*Freigabe"),
    ):
        releases.deploy(share, "two")
    assert releases.deploy(share, "two").name == "1.0.0-2"


def test_prune_keeps_what_is_current_previous_recent_or_leased(releases, share):
    for content in "123456":
        releases.deploy(share, content)
    set_last_used(share, r1=31, r2=31, r3=31, r4=29, r5=90)
    stale, live = leave_lease(share, "1.0.0-2", age_days=15), leave_lease(share, "1.0.0-3", age_days=13)
    removed, kept = deployment.prune(share)
    assert removed == ["1.0.0", "1.0.0-2"]
    assert kept == {
        "1.0.0-3": "used by 1 running hosts: Maya 2025",
        "1.0.0-4": "in use less than 30 days ago",
        "1.0.0-5": "the previous release",
        "1.0.0-6": "in use",
    }
    assert names(share) == ["1.0.0-3", "1.0.0-4", "1.0.0-5", "1.0.0-6"]
    assert sorted(path.name for path in (share / "rez" / "ft_dcc").iterdir()) == names(share)
    live.unlink()
    assert stale.exists()
    assert deployment.prune(share, keep_days=28)[0] == ["1.0.0-3", "1.0.0-4"]
    assert deployment.rollback(share) == ("1.0.0-6", "1.0.0-5")


def test_status_lists_releases_with_versions_and_running_hosts(releases, share):
    releases.deploy(share)
    releases.deploy(share, "two")
    leave_lease(share, "1.0.0", age_days=1)
    first, second = deployment.status(share)
    assert (first.name, first.is_current, first.is_previous, first.users) == ("1.0.0", False, True, ("Maya 2025",))
    assert (second.name, second.is_current, second.users) == ("1.0.0-2", True, ())
    for function in (deployment.status, deployment.rollback, deployment.prune):
        with pytest.raises(InstallFailed, match="contains no deployment of ft-dcc"):
            function(share / "none")
    assert not (share / "none").exists()


def test_files_of_others_are_not_replaced_by_the_first_deploy(releases, share):
    foreign = share / "nuke" / "init.py"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("import nuke\n", encoding="utf-8")
    with pytest.raises(InstallFailed, match=r"init\.py exists and is not a file of ft-dcc"):
        releases.deploy(share)
    assert (foreign.read_text(encoding="utf-8"), (share / "current.json").exists()) == ("import nuke\n", False)


def test_a_folder_that_cannot_be_written_is_an_error(releases, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot be changed: .* Run it as a user who can write there"):
        releases.deploy(tmp_path / "file" / "share")


def test_a_damaged_current_file_is_an_error(releases, share):
    releases.deploy(share)
    for content in ("{", '{"release": "../../etc", "previous": [], "last_used": {}}', "[]"):
        (share / "current.json").write_text(content, encoding="utf-8")
        with pytest.raises(InstallFailed, match=r"current\.json .* Delete it, then deploy again"):
            deployment.status(share)


def test_the_command_reports_what_is_served_and_what_is_not(share):
    deploy = partial(run_command, "deploy")
    done = deploy(share, "--only", "2025,16", "--hosts", "maya,nuke", "--no-ffmpeg")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) >= {
        *("Maya: 2025", "  not 2022: it was deployed without it", "Nuke: 16"),
        "ffmpeg: not included; hosts use FT_DCC_FFMPEG, or the ffmpeg on the PATH",
        *(f"Add to MAYA_MODULE_PATH: {share / 'maya'}", f"Add to NUKE_PATH: {share / 'nuke'}"),
    }
    assert "BLENDER" not in done.stdout
    listed = json.loads(deploy(share, "--status", "--json").stdout)["releases"]
    assert [each["served"] for each in listed] == [{"maya": ["2025"], "nuke": ["16"]}]
    assert deploy(share, "--rollback").returncode == 1
    assert deploy(share, "--prune").stdout.startswith("No release was removed.")
    assert "houdini is not one of" in deploy(share, "--hosts", "houdini").stderr
