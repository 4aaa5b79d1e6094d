"""Another user of the operating system, for tests of permissions."""

import os
from contextlib import contextmanager

import pytest

_NOBODY = 65534


@contextmanager
def without_root():
    """Run the block as another user if the tests run as root, for whom every file is readable and writable."""
    if os.geteuid() != 0:
        yield
        return
    # The other user has settings of its own; those of root cannot be read.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", "/nonexistent")
        os.seteuid(_NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
