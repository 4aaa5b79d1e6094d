"""One file for the support: what ``ft-dcc doctor`` found, the log files, and the last publishes, without secrets."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ft_dcc.errors import StorageError
from ft_dcc.files import atomic, log_file, masking

_MAX_JOBS, _MAX_BYTES = 10, 4 << 20
_VARIABLES = ("FT_DCC_", "FTRACK_", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "OCIO", "LANG")


def write_bundle(target: Path, report: str, jobs: Path, keys: tuple[str, ...]) -> list[str]:
    """Write a new zip file with the report, log files and the newest jobs of the folder; return the names in it.

    Keys, credentials, secret parts of links, mail addresses and home folders are taken out of every text. Movies,
    frames and settings files are not included. Raises StorageError.
    """
    if target.exists():
        raise StorageError(f"{target} exists. Name a new file.")
    names = []
    with (
        atomic.storage_errors(f"{target} cannot be written", "Choose a writable folder."),
        atomic.atomic_path(target) as draft,
        zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, text in (("doctor.txt", report), ("environment.txt", _environment()), *_files(jobs)):
            archive.writestr(name, masking.anonymise(text, keys))
            names.append(name)
    return names


def _environment() -> str:
    # The address of a proxy can contain a password, so the bundle states only whether the variable is set.
    lines = (
        f"{name}={'set' if 'PROXY' in name.upper() or 'KEY' in name.upper() else value}"
        for name, value in sorted(os.environ.items())
        if name.upper().startswith(_VARIABLES)
    )
    return "\n".join(lines)


def _files(jobs: Path) -> Iterator[tuple[str, str]]:
    for path in log_file.log_files():
        if path.is_file():
            yield f"log/{path.name}", _last_text(path)
    folders = sorted((path.parent for path in jobs.glob("*/journal.jsonl")), reverse=True)
    for folder in folders[:_MAX_JOBS]:
        for name in ("journal.jsonl", "report.json"):
            if (folder / name).is_file():
                yield f"jobs/{folder.name}/{name}", _last_text(folder / name)


def _last_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _MAX_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
