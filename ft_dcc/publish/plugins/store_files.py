"""Integrators of the files on the studio's disk: written before the version exists, kept once it does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ft_dcc.errors import StorageError
from ft_dcc.files import atomic, placing
from ft_dcc.files.checksum import sha256_of
from ft_dcc.publish import encode_source, models, slots, version_files, version_number
from ft_dcc.publish.pipeline.pyblish_adapter import Instance, RerunFrom
from ft_dcc.publish.plugins import extract, integrate

# Reading and hashing wait for the disk, and for each other only a little.
_THREADS = 4


class StoreFiles(integrate.Integrator):
    """Copy or register the version's files on disk."""

    label = "Files on disk"

    def process(self, instance: Instance) -> None:
        """Set STORED; raise StorageError or TargetTaken. A repetition copies nothing twice."""
        try:
            slots.STORED.set(instance, [_store(instance, target) for target in slots.TARGETS.find(instance) or []])
        except placing.TargetTaken as error:
            if slots.REQUEST.get(instance.context).version_from == version_number.FROM_FILE:
                version_files.roll_back(instance)
                raise
            # Another publish was faster: nothing was shown with this number yet.
            version_number.renumber(instance)
            raise RerunFrom(str(error), since=extract.EncodeFrames) from error
        except StorageError:
            # Part of a sequence is of no use, least of all on a full disk.
            with contextlib.suppress(StorageError):
                version_files.roll_back(instance)
            raise


def _store(instance: Instance, target: models.Target) -> models.StoredFiles:
    members = version_files.members_of(instance, target)
    raise_if_cancelled = slots.PROGRESS.get(instance.context).raise_if_cancelled
    write: Callable[[Path, Path], str]
    if target.is_copy:
        claim = placing.Claim.take(target.path, slots.VERSION_ID.get(instance), [path for _, _, path in members])
        write = partial(claim.place, on_block=raise_if_cancelled)
    else:
        known = version_files.known_checksum(instance, target)
        write = partial(_checksum, known, on_block=raise_if_cancelled)
    count = encode_source.progress_of_frames(instance, "store", len(members))

    def store(member: tuple[str, Path, Path]) -> models.StoredFile:
        name, source, path = member
        checksum = write(source, path)
        return models.StoredFile(name, version_files.identifier_of(target, name), path.stat().st_size, checksum)

    files = []
    with ThreadPoolExecutor(_THREADS) as executor:
        running = [executor.submit(store, member) for member in members]
        try:
            for number, each in enumerate(running):
                files.append(each.result())
                count(number)
        finally:
            for each in running:
                each.cancel()
    padding = None if not files or not files[0].member else version_files.padding_of(target.path)
    return models.StoredFiles(target, padding, tuple(files))


def _checksum(known: str | None, source: Path, path: Path, on_block: Callable[[], object]) -> str:
    with atomic.storage_errors(f"{source} cannot be read", "Publish it again."):
        source.stat()
        return known or sha256_of(source, on_block)


class KeepFiles(integrate.Integrator):
    """Give back the claims of the version's files, and let the newest movie have its own name."""

    label = "Newest movie"

    def process(self, instance: Instance) -> None:
        """Raise StorageError."""
        version_files.release(instance)
        registered, session = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context)
        path = version_files.latest_path(instance, registered.version)
        if path is not None:
            placing.replace_latest(
                slots.MOVIE.get(instance).path,
                path,
                lambda: version_number.newest_number(session, registered.asset_id) <= registered.version,
                slots.PROGRESS.get(instance.context).raise_if_cancelled,
            )
