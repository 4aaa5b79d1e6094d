"""Another user of the operating system, for tests of permissions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NOBODY = 65534


@contextmanager
def without_root() -> Iterator[None]:
    """Run the block as another user if the tests run as root, for whom every file is readable and writable."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
