"""Export a review session of a studio server to a file."""

from __future__ import annotations

from pathlib import Path

import requests

from ft_dcc.errors import ServerError, ServerUnreachable, SettingInvalid
from ft_dcc.files.atomic import atomic_path, new_file
from ft_dcc.production.review_sessions import Review
from ft_dcc.session.session import Session

# The name of each export, and the end of its file's name.
SUFFIXES = {"pdf": ".pdf", "csv": ".csv", "otio": ".otio", "drawings": "-drawings.zip", "movies": "-movies.zip"}
# A PDF of a large session takes a while: the server reads a frame for each note.
_TIMEOUT_SECONDS = (20, 1800)


def export_review(session: Session, review: Review, format_name: str, target: Path) -> Path:
    """Write an export of the review session to the target file, and return its path.

    Raises SettingInvalid for a site that does not export, ServerError and ServerUnreachable; then the target is
    unchanged.
    """
    if review.link is None:
        raise SettingInvalid(f"{session.server_url} does not export review sessions; a studio server does.")
    url = f"{session.server_url}/review/{review.id}/studio/export/{format_name}"
    try:
        with session.transport.http.get(url, stream=True, timeout=_TIMEOUT_SECONDS, allow_redirects=False) as response:
            if response.status_code != 200:
                raise ServerError(_reason(response))
            with atomic_path(target) as temporary, new_file(temporary) as file:
                for chunk in response.iter_content(1 << 20):
                    file.write(chunk)
    except requests.RequestException as error:
        raise ServerUnreachable(f"The export from {session.server_url} was interrupted. Start it again.") from error
    return target


def _reason(response: requests.Response) -> str:
    try:
        content = response.json()
    except ValueError:
        content = None
    text = content.get("content") if isinstance(content, dict) else None
    return str(text or f"The server answered the export with status {response.status_code}. Update the server.")
