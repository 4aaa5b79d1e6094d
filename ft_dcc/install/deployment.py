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
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import attrs
import filelock

from ft_dcc.errors import InstallFailed
from ft_dcc.files.atomic import remove_tree, rename, storage_errors, temporary_folder, write_atomically
from ft_dcc.install import deployed_files, host_discovery, release_build
from ft_dcc.install.release_loader import CURRENT, LEASES, RELEASE_NAME, RELEASES

_REMEDY = "Run it as a user who can write there."
KEEP_DAYS = 30
LEASE_DAYS = 14
_LOCK = ".deploy.lock"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# Names of folders that are incomplete or already removed.
_PARTIAL = ".part-"


@attrs.frozen
class Current:
    """The contents of ``current.json``: the release in use, earlier ones, and until when each was in use."""

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
    with _readable_files(), storage_errors(f"{top} cannot be changed", _REMEDY):
        (top / RELEASES).mkdir(parents=True, exist_ok=True)
        if not (top / LEASES).exists():
            (top / LEASES).mkdir()
            # Writable for every artist, like a folder for temporary files.
            (top / LEASES).chmod(0o1777)
    with _readable_files(), _exclusive(top), temporary_folder() as new:
        facts, errors = release_build.build(new, order)
        current = read_current(top)
        if current is not None and not may_lose_versions:
            _check_lost_versions(top / RELEASES / current.release, facts)
        identical = _find_identical(top, facts)
        name = identical or _add_release(top, new, facts.release)
        deployed_files.write(top, facts, name, may_replace=current is not None)
        was_current = current is not None and current.release == name
        if current is None:
            _write_current(top, Current(name))
        elif not was_current:
            previous = tuple(each for each in (*current.previous, current.release) if each != name)
            _write_current(top, current.switched_to(name, previous=previous))
        return Deployed(name, facts, tuple(errors), identical is None, was_current)


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


def prune(top: Path, *, keep_days: int = KEEP_DAYS) -> tuple[list[str], dict[str, str]]:
    """Remove releases that are neither in use nor the previous one, nor used by a running host, nor recently in use.

    Returns their names, and the reasons to keep the others by name.
    """
    _require_current(top)
    with _exclusive(top) as now:
        current = _require_current(top)
        leases = _leases(top, now)
        removed, kept = [], {}
        for path in _releases(top):
            reason = _reason_to_keep(path, current, leases, keep_days, now)
            partial = path.with_name(f"{_PARTIAL}{secrets.token_hex(4)}")
            if reason is None:
                try:
                    # Windows refuses to rename a folder that a host uses.
                    rename(path, partial)
                except OSError as error:
                    reason = f"it cannot be removed: {error.strerror}"
            if reason is not None:
                kept[path.name] = reason
                continue
            removed.append(path.name)
            for folder in (deployed_files.rez_package(top, path.name).parent, partial):
                remove_tree(folder)
        if removed:
            previous = tuple(name for name in current.previous if name not in removed)
            last_used = {name: when for name, when in current.last_used.items() if name not in removed}
            _write_current(top, attrs.evolve(current, previous=previous, last_used=last_used))
        return removed, kept


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


def _check_lost_versions(release: Path, facts: release_build.Facts) -> None:
    try:
        before = release_build.read_facts(release).served
    except InstallFailed:
        # What a damaged release served is unknown.
        return
    lost = [f"{host_discovery.TITLES[host]} {name}" for host, name in before if (host, name) not in facts.served]
    if lost:
        raise InstallFailed(
            f"The new release would not serve {', '.join(lost)}, which {release.name} serves. Run it with a network "
            "connection and without --hosts and --only, or accept it with --force."
        )


def _find_identical(top: Path, facts: release_build.Facts) -> str | None:
    for path in _releases(top):
        with contextlib.suppress(InstallFailed):
            if release_build.read_facts(path).identity == facts.identity:
                release_build.verify(path)
                return path.name
    return None


def _add_release(top: Path, new: Path, release: str) -> str:
    """Copy a new release to the share, verify it there, and return its name, which no other has."""
    names, number, name = {path.name for path in (top / RELEASES).iterdir()}, 1, release
    while name in names:
        number += 1
        name = f"{release}-{number}"
    partial = top / RELEASES / f"{_PARTIAL}{secrets.token_hex(4)}"
    try:
        shutil.copytree(new, partial)
        release_build.verify(partial)
        # A temporary folder is private to its user; artists read this one.
        partial.chmod(0o755)
        rename(partial, top / RELEASES / name)
    finally:
        remove_tree(partial)
    return name


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
    write_atomically(top / CURRENT, json.dumps(attrs.asdict(current), indent=1).encode())


@contextlib.contextmanager
def _exclusive(top: Path) -> Iterator[float]:
    """Lock the deployment against other changes, remove incomplete folders and yield the time of the share."""
    lock = filelock.FileLock(top / _LOCK, timeout=0)
    with storage_errors(f"{top} cannot be changed", _REMEDY):
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise InstallFailed(f"Another ft-dcc deploy changes {top}. Try again when it has ended.") from error
        try:
            for partial in (top / RELEASES).glob(f"{_PARTIAL}*"):
                remove_tree(partial)
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
