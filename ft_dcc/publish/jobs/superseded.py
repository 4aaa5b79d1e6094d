"""Find jobs whose source a later job has published: their version would be older than the newest one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ft_dcc.files.sequences import split_frame_number

if TYPE_CHECKING:
    from ft_dcc.publish.jobs.queue import QueueItem


def find_successor(item: QueueItem, others: Iterable[QueueItem]) -> QueueItem | None:
    """Return a later job for the same task and asset with a source that this job has not published, or None."""
    wanted = _sources(item, unpublished=True)
    if not wanted or not item.tasks:
        return None
    return next(
        (
            other
            for other in others
            if other.created > item.created
            and other.server == item.server
            and other.tasks & item.tasks
            and _asset(other) == _asset(item)
            and wanted & _sources(other)
        ),
        None,
    )


def _asset(item: QueueItem) -> str | None:
    return None if item.request is None else item.request.asset


def _sources(item: QueueItem, *, unpublished: bool = False) -> set[tuple[str | None, str, object]]:
    """Return the host, the scene and the text of each source; sources are numbered from 1."""
    texts = () if item.request is None else item.request.source or ("",)
    return {
        (item.host, str(item.scene or ""), split_frame_number(text) or text)
        for number, text in enumerate(texts, 1)
        if not (unpublished and number in item.published)
    }
