"""Put new files on a studio's disk: completely or not at all, verified, and never over another file.

Who writes the files of a target holds its claim, a small file beside them that names the owner. A crash leaves the
claim, so that a later run continues, or removes what was written and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import filelock

from ft_dcc.errors import StorageError, UserFixableError
from ft_dcc.files.atomic import atomic_path, new_file, removed_afterwards, rename, storage_errors, sync_folder
from ft_dcc.files.checksum import sha256_of

_BLOCK_SIZE = 1 << 20


class TargetTaken(UserFixableError):
    """Another file has the name of a target, or another publish is writing it."""


@attrs.frozen
class Claim:
    """The right of ``owner`` to write a target: a file, or a sequence by its pattern.

    ``folders`` are those that were created for it. ``existing`` are the files that were there before.
    """

    path: Path
    owner: str
    folders: tuple[str, ...]
    existing: tuple[str, ...]

    @classmethod
    def take(cls, target: str, owner: str, files: Sequence[Path]) -> Claim:
        """Create the folder and the claim of a target, or return the owner's; raise TargetTaken or StorageError."""
        folder, path = Path(target).parent, _claim_path(target)
        with _writing(folder):
            missing = [each for each in (folder, *folder.parents) if not each.exists()]
            claim = cls(path, owner, tuple(map(str, missing)), tuple(str(file) for file in files if file.exists()))
            try:
                claim._write()
            except FileExistsError as error:
                found = cls.find(target)
                if found is not None and found.owner == owner:
                    return found
                reason = f"Another publish is writing {target}. Wait for it, or publish as another version."
                raise TargetTaken(reason) from error
        return claim

    @classmethod
    def find(cls, target: str) -> Claim | None:
        """Return the claim of a target, None without a claim file; the owner is "" if the file cannot be read."""
        path = _claim_path(target)
        try:
            content = json.loads(path.read_bytes())
            return cls(path, content["owner"], tuple(content["folders"]), tuple(content["existing"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError):
            return cls(path, "", (), ())

    def place(self, source: Path, target: Path, on_block: Callable[[], object] = lambda: None) -> str:
        """Copy a file to a target of this claim, and return its SHA-256; a target with the same bytes stays.

        ``on_block`` is called before each megabyte; what it raises ends the copy. Raises TargetTaken for a target with
        other bytes, and StorageError.
        """
        with _writing(target.parent), removed_afterwards(self._draft(target)) as draft:
            if target.exists():
                return self._require_same(source, target, on_block)
            checksum = _copy(source, draft, on_block)
            if sha256_of(draft, on_block) != checksum:
                raise StorageError(f"{target} was not written as it was read. Check the disk of {target.parent}.")
            try:
                _rename_new(draft, target)
            except FileExistsError:
                return self._require_same(source, target, on_block)
            return checksum

    def release(self) -> None:
        """Give the claim back: the files stay; raise StorageError."""
        with _writing(self.path.parent):
            sync_folder(self.path.parent)
            self.path.unlink(missing_ok=True)

    def roll_back(self, files: Sequence[Path]) -> None:
        """Remove the target's files that were not there before, the claim and its folders; raise StorageError."""
        with _writing(self.path.parent):
            for file in files:
                self._draft(file).unlink(missing_ok=True)
                if str(file) not in self.existing:
                    file.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
        self._remove_folders()

    def _write(self) -> None:
        """Create the folders and the claim file, which nobody sees empty; raise FileExistsError or OSError."""
        content = {"owner": self.owner, "folders": self.folders, "existing": self.existing}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with removed_afterwards(self._draft(self.path)) as draft:
                draft.unlink(missing_ok=True)
                with new_file(draft) as file:
                    file.write(json.dumps(content).encode())
                _rename_new(draft, self.path)
        except OSError:
            self._remove_folders()
            raise

    def _remove_folders(self) -> None:
        for folder in self.folders:
            # Another publish may have files in it by now.
            with contextlib.suppress(OSError):
                Path(folder).rmdir()

    def _draft(self, target: Path) -> Path:
        return target.with_name(f".{target.name}.{self.owner[:8]}.part")

    def _require_same(self, source: Path, target: Path, on_block: Callable[[], object]) -> str:
        checksum = sha256_of(target, on_block)
        if target.stat().st_size != source.stat().st_size or checksum != sha256_of(source, on_block):
            raise TargetTaken(f"{target} exists already with other content. Publish as another version.")
        return checksum


def replace_latest(
    source: Path, target: Path, is_newest: Callable[[], bool], on_wait: Callable[[], object] = lambda: None
) -> None:
    """Replace the target by a copy if it is the newest; ``on_wait``, each second, may raise. Raises StorageError."""
    # Programs that replace it at once wait for each other, and ask is_newest then: without that, the slower one would
    # leave an older file there.
    with _writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target, on_wait):
            if is_newest():
                with atomic_path(target) as draft:
                    shutil.copyfile(source, draft)


@contextlib.contextmanager
def _locked(target: Path, on_wait: Callable[[], object]) -> Iterator[None]:
    # Other users of the studio lock it, too.
    lock = filelock.FileLock(target.with_name(f".{target.name}.lock"), mode=0o666)
    while True:
        try:
            lock.acquire(timeout=1)
            break
        except filelock.Timeout:
            on_wait()
        except (NotImplementedError, OSError):
            # Some network file systems have no locks. A folder that cannot be written is reported by the copy.
            break
    try:
        yield
    finally:
        lock.release()


def _claim_path(target: str) -> Path:
    path = Path(target)
    return path.with_name(f".{path.name}.ft-dcc")


def _copy(source: Path, draft: Path, on_block: Callable[[], object]) -> str:
    checksum = hashlib.sha256()
    draft.unlink(missing_ok=True)
    with source.open("rb") as read, new_file(draft) as written:
        while block := read.read(_BLOCK_SIZE):
            on_block()
            checksum.update(block)
            written.write(block)
    return checksum.hexdigest()


def _rename_new(draft: Path, target: Path) -> None:
    """Give the draft the name of the target; raise FileExistsError if another file has it by now."""
    if os.name != "nt":
        # A rename of POSIX replaces; some network file systems have no hard links.
        try:
            os.link(draft, target)
            return
        except FileExistsError:
            raise
        except OSError:
            if target.exists():
                raise FileExistsError(target) from None
    rename(draft, target)


def _writing(folder: Path) -> contextlib.AbstractContextManager[None]:
    return storage_errors(f"{folder} cannot be written", "Make it writable, or change the rule.")
