"""The dates of a review session: it opens before it closes, unless it is closed before it opens."""

from __future__ import annotations

from ft_dcc.errors import ValidationError
from ft_dcc.server.database import clock
from ft_dcc.server.entities.batch import Row
from ft_dcc.server.schema.model import EntityType


def check_dates(entity_type: EntityType, row: Row, changed: Row) -> None:
    """Raise ValidationError if the changed values schedule a session to close before it opens.

    An end that has passed closes a session at once, also one that has not opened yet.
    """
    if entity_type.name != "ReviewSession" or not changed.keys() & {"start_date", "end_date"}:
        return
    values = {**row, **changed}
    start, end = values.get("start_date"), values.get("end_date")
    if start is not None and end is not None and clock.now_text() < end <= start:
        raise ValidationError(
            f"The review session '{values.get('name')}' would close on {_readable(end)} before it opens on "
            f"{_readable(start)}. Set a later end_date or an earlier start_date."
        )


def _readable(date: str) -> str:
    return f"{date[:16].replace('T', ' ')} UTC"
