"""What is remembered for the user: texts by server and key, in JSON files of the user's data folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from ft_dcc.files.atomic import write_atomically

log = logging.getLogger(__name__)


def read_texts(name: str, server: str) -> dict[str, tuple[str, ...]]:
    """Return the texts of a server by their keys; empty if the file cannot be read."""
    return _read(name).get(server, {})


def write_texts(name: str, server: str, texts: Mapping[str, tuple[str, ...]]) -> None:
    """Replace the texts of a server; a file that cannot be written is logged."""
    path, content = _path(name), {**_read(name), server: texts}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        log.warning(
            "The %s are not remembered: %s cannot be written: %s.", name.replace("_", " "), path, error.strerror
        )


def _path(name: str) -> Path:
    return Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / f"{name}.json"


def _read(name: str) -> dict[str, dict[str, tuple[str, ...]]]:
    try:
        content = json.loads(_path(name).read_text(encoding="utf-8"))
        return {
            server: {key: tuple(map(str, texts)) for key, texts in by_key.items()} for server, by_key in content.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
