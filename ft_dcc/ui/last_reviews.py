"""The review sessions that the user has published to last, by server and project, in a file of the user."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from ft_dcc.files.atomic import write_atomically

log = logging.getLogger(__name__)


def read_last_reviews(server: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the review sessions by the id of their project; empty if nothing can be read."""
    return _read().get(server, {})


def remember_reviews(server: str, project_id: str, names: tuple[str, ...]) -> None:
    """Write the names of the review sessions; a file that cannot be written is logged."""
    path, content = _path(), _read()
    content.setdefault(server, {})[project_id] = names
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        log.warning("The review session is not remembered: %s cannot be written: %s.", path, error.strerror)


def _path() -> Path:
    return Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / "last_reviews.json"


def _read() -> dict[str, dict[str, tuple[str, ...]]]:
    try:
        content = json.loads(_path().read_text(encoding="utf-8"))
        return {
            server: {project: tuple(map(str, names)) for project, names in projects.items()}
            for server, projects in content.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
