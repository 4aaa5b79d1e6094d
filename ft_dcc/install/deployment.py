"""A folder on a share from which all hosts of a studio load ft-dcc, with releases beside each other.

``current.json`` names the release in use; it is the only file that a deployment or a rollback changes for running
hosts. Start-up scripts read it once, so a running host keeps the release with which it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import attrs
import filelock

from ft_dcc.errors import InstallFailed, StorageError
from ft_dcc.files.atomic import write_atomically, write_remedy
from ft_dcc.install import deployed_files, release_build
from ft_dcc.install.host_discovery import TITLES
from ft_dcc.install.release_loader import CURRENT, LEASES, RELEASE_NAME, RELEASES

KEEP_DAYS = 30
LEASE_DAYS = 14
_LOCK = ".deploy.lock"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# Names of folders that are incomplete or already removed.
_PARTIAL = ".part-"
_REPLACE_ATTEMPTS = 10


@attrs.frozen
class Current:
    """The contents of ``current.json``: the release in use, and those before it, the last one at the end.

    ``last_used`` says until when another release was in use.
    """

    release: str
    previous: tuple[str, ...] = ()
    last_used: Mapping[str, str] = attrs.field(factory=dict)

    def switched_to(self, name: str, *, previous: tuple[str, ...]) -> Current:
        """Return the state after the switch to a release."""
        last_used = {**self.last_used, self.release: datetime.now(timezone.utc).strftime(_TIME)}
        return Current(name, previous, {key: when for key, when in last_used.items() if key != name})


@attrs.frozen
class Deployed:
    """The outcome of a deployment; ``errors`` say what the release lacks, ``is_new`` whether a release was written."""

    name: str
    facts: release_build.Facts
    errors: tuple[str, ...]
    is_new: bool
    was_current: bool


@attrs.frozen
class ReleaseState:
    """A release of the deployment; ``users`` are the running hosts that are known to use it, such as "Maya 2025"."""

    name: str
    facts: release_build.Facts
    is_current: bool
    is_previous: bool
    users: tuple[str, ...]


@attrs.frozen
class Pruned:
    """The releases that were removed, and those that were kept, with the reason."""

    removed: tuple[str, ...]
    kept: Mapping[str, str]


def is_deployment(top: Path) -> bool:
    """Return whether the folder contains a deployment."""
    return (top / CURRENT).is_file() and (top / RELEASES).is_dir()


def read_current(top: Path) -> Current | None:
    """Return the release in use, or None; raise InstallFailed for a damaged file."""
    path = top / CURRENT
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        current = Current(found["release"], tuple(found["previous"]), dict(found["last_used"]))
        names = (current.release, *current.previous)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InstallFailed(f"{path} cannot be read: {error}. Delete it, then deploy again.") from error
    if not all(isinstance(name, str) and RELEASE_NAME.fullmatch(name) for name in names):
        raise InstallFailed(f"{path} contains a name that is not the name of a release. Delete it, then deploy again.")
    return current


def deploy(top: Path, order: release_build.Order, *, may_lose_versions: bool = False) -> Deployed:
    """Build a release beside the others, verify it, and switch to it; an identical release is used again.

    Raises InstallFailed if the release would not serve a version that the current one serves, unless
    ``may_lose_versions``. After any error the release in use is the earlier one.
    """
    with _readable_files(), _storage_errors(top):
        _make_folders(top)
    with _readable_files(), _exclusive(top), tempfile.TemporaryDirectory(prefix="ft-dcc-") as temporary:
        new = Path(temporary)
        facts, errors = release_build.build(new, order)
        current = read_current(top)
        if current is not None and not may_lose_versions:
            _check_lost_versions(top / RELEASES / current.release, facts)
        name = _find_identical(top, facts)
        is_new = name is None
        if name is None:
            name = _free_name(top, facts.release)
            _add_release(top, new, name)
        deployed_files.write(top, facts, name, may_replace=current is not None)
        was_current = current is not None and current.release == name
        if current is None:
            _write_current(top, Current(name))
        elif not was_current:
            previous = tuple(each for each in (*current.previous, current.release) if each != name)
            _write_current(top, current.switched_to(name, previous=previous))
        return Deployed(name, facts, tuple(errors), is_new, was_current)


def rollback(top: Path) -> tuple[str, str]:
    """Switch to the release before the current one; return both names. Raises InstallFailed if there is none."""
    _require_current(top)
    with _exclusive(top):
        current = _require_current(top)
        previous = [name for name in current.previous if (top / RELEASES / name).is_dir()]
        if not previous:
            raise InstallFailed(f"There is no release before {current.release} in {top}. Deploy another one.")
        release_build.read_facts(top / RELEASES / previous[-1])
        _write_current(top, current.switched_to(previous[-1], previous=tuple(previous[:-1])))
        return current.release, previous[-1]


def status(top: Path) -> list[ReleaseState]:
    """Return the releases, oldest first; raise InstallFailed if the folder is no deployment or a release is damaged."""
    current = _require_current(top)
    leases = _leases(top, now=time.time())
    states = [
        ReleaseState(
            path.name,
            release_build.read_facts(path),
            path.name == current.release,
            path.name in current.previous[-1:],
            tuple(leases.get(path.name, ())),
        )
        for path in _releases(top)
    ]
    return sorted(states, key=lambda state: (state.facts.created, state.name))


def prune(top: Path, *, keep_days: int = KEEP_DAYS) -> Pruned:
    """Remove releases that are neither in use nor the previous one, nor used by a running host, nor recently in use."""
    _require_current(top)
    with _exclusive(top) as now:
        current = _require_current(top)
        leases = _leases(top, now)
        removed, kept = [], {}
        for path in _releases(top):
            reason = _reason_to_keep(path, current, leases, keep_days, now)
            if reason is None:
                reason = _remove_release(top, path)
            if reason is None:
                removed.append(path.name)
            else:
                kept[path.name] = reason
        if removed:
            previous = tuple(name for name in current.previous if name not in removed)
            last_used = {name: when for name, when in current.last_used.items() if name not in removed}
            _write_current(top, attrs.evolve(current, previous=previous, last_used=last_used))
        return Pruned(tuple(removed), kept)


def _reason_to_keep(
    release: Path, current: Current, leases: Mapping[str, list[str]], keep_days: int, now: float
) -> str | None:
    if release.name == current.release:
        return "in use"
    if release.name in current.previous[-1:]:
        return "the previous release"
    if leases.get(release.name):
        return f"used by {len(leases[release.name])} running hosts: {', '.join(sorted(set(leases[release.name])))}"
    last_used = current.last_used.get(release.name) or release_build.read_facts(release).created
    until = datetime.strptime(last_used, _TIME).replace(tzinfo=timezone.utc) + timedelta(days=keep_days)
    if until.timestamp() > now:
        return f"in use less than {keep_days} days ago"
    return None


def _remove_release(top: Path, release: Path) -> str | None:
    """Remove a release; return None, or why it was kept."""
    partial = release.with_name(f"{_PARTIAL}{secrets.token_hex(4)}")
    try:
        # Windows refuses to rename a folder that a host uses.
        release.rename(partial)
    except OSError as error:
        return f"it cannot be removed: {error.strerror}"
    deployed_files.remove_rez_package(top, release.name)
    shutil.rmtree(partial, ignore_errors=True)
    return None


def _check_lost_versions(release: Path, facts: release_build.Facts) -> None:
    try:
        before = release_build.read_facts(release).served
    except InstallFailed:
        # What a damaged release served is unknown.
        return
    lost = [f"{TITLES[host]} {name}" for host, name in before if (host, name) not in facts.served]
    if lost:
        raise InstallFailed(
            f"The new release would not serve {', '.join(lost)}, which {release.name} serves. Run it with a network "
            "connection and without --hosts and --only, or accept it with --replace."
        )


def _find_identical(top: Path, facts: release_build.Facts) -> str | None:
    """Return an intact release with the same contents, or None."""
    for path in _releases(top):
        with contextlib.suppress(InstallFailed):
            if release_build.read_facts(path).identity == facts.identity:
                release_build.verify(path)
                return path.name
    return None


def _free_name(top: Path, release: str) -> str:
    names = {path.name for path in (top / RELEASES).iterdir()}
    number = 1
    while (name := release if number == 1 else f"{release}-{number}") in names:
        number += 1
    return name


def _add_release(top: Path, new: Path, name: str) -> None:
    partial = top / RELEASES / f"{_PARTIAL}{secrets.token_hex(4)}"
    try:
        shutil.copytree(new, partial)
        release_build.verify(partial)
        # A temporary folder is private to its user; artists read this one.
        partial.chmod(0o755)
        partial.rename(top / RELEASES / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _releases(top: Path) -> list[Path]:
    found = (top / RELEASES).iterdir()
    return sorted(path for path in found if path.is_dir() and RELEASE_NAME.fullmatch(path.name))


def _leases(top: Path, now: float) -> dict[str, list[str]]:
    """Return the running hosts of each release by their leases that are not stale."""
    found: dict[str, list[str]] = {}
    for path in sorted((top / LEASES).glob("*~*.json")):
        # A host that ends removes its lease.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if now - path.stat().st_mtime < timedelta(days=LEASE_DAYS).total_seconds():
                release = path.name.rpartition("~")[0]
                found.setdefault(release, []).append("a host")
                found[release][-1] = str(json.loads(path.read_text(encoding="utf-8")).get("host"))[:80]
    return found


def _require_current(top: Path) -> Current:
    current = read_current(top)
    if current is None:
        raise InstallFailed(f"{top} contains no deployment of ft-dcc. Make one: ft-dcc deploy {top}")
    return current


def _write_current(top: Path, current: Current) -> None:
    content = json.dumps(attrs.asdict(current), indent=1).encode()
    for attempt in range(_REPLACE_ATTEMPTS):
        try:
            return write_atomically(top / CURRENT, content)
        except PermissionError:
            # Windows cannot replace a file while a host reads it, which takes a moment.
            if attempt == _REPLACE_ATTEMPTS - 1:
                raise
            time.sleep(0.1)
    raise AssertionError


@contextlib.contextmanager
def _exclusive(top: Path) -> Iterator[float]:
    """Lock the deployment against other changes, remove incomplete folders and yield the time of the share."""
    lock = filelock.FileLock(top / _LOCK, timeout=0)
    with _storage_errors(top):
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise InstallFailed(f"Another ft-dcc deploy changes {top}. Try again when it has ended.") from error
        try:
            for partial in (top / RELEASES).glob(f"{_PARTIAL}*"):
                shutil.rmtree(partial, ignore_errors=True)
            # Leases have the time of the share, which may differ from this machine's.
            os.utime(top / _LOCK)
            yield (top / _LOCK).stat().st_mtime
        finally:
            lock.release()


@contextlib.contextmanager
def _readable_files() -> Iterator[None]:
    """Let all users read new files and folders, also if the administrator's are private by default."""
    mask = os.umask(0o022)
    os.umask(mask & ~0o555)
    try:
        yield
    finally:
        os.umask(mask)


@contextlib.contextmanager
def _storage_errors(top: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{top} cannot be changed: {error.strerror or error}."
        raise StorageError(f"{what} {write_remedy(error, 'Run it as a user who can write there.')}") from error


def _make_folders(top: Path) -> None:
    """Create the folders; that of leases is writable for every artist, like a folder for temporary files."""
    if not top.exists():
        top.mkdir(parents=True)
    (top / RELEASES).mkdir(exist_ok=True)
    if not (top / LEASES).exists():
        (top / LEASES).mkdir()
        (top / LEASES).chmod(0o1777)
