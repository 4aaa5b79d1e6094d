"""The progress of a publish as the panel, the headers and the status bar show it."""

from __future__ import annotations

from ft_dcc.publish.progress import Progress

_STEP_LABELS = {"capture": "Capturing", "encode": "Encoding", "upload": "Uploading"}


def progress_share_and_text(progress: Progress | None) -> tuple[float, str]:
    """Return the finished share of the step from 0 to 1, and what the step does."""
    if progress is None:
        return 0.0, "Checking…"
    share = progress.done / progress.total if progress.total else 0.0
    text = _STEP_LABELS.get(progress.step.partition(" ")[0], progress.step)
    if progress.unit == "frames":
        text = f"{text} {progress.done} of {progress.total}"
    return share, text
