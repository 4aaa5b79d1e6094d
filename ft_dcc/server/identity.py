"""The authenticated user behind a request."""

from __future__ import annotations

import attrs


@attrs.frozen
class Caller:
    """The user who sent a request, or a guest of a review session, identified by an invitation."""

    id: str
    username: str
    is_guest: bool = False
