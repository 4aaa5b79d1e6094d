"""``python -m bench session``: measurements against other programs, run side by side.

The exit code is 1 when a goal is missed.
"""

from __future__ import annotations

import importlib
import sys

BENCHES = ("session",)


def main() -> int:
    """Run the benches that were named, or all of them."""
    names = sys.argv[1:] or BENCHES
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"There is no bench called {unknown[0]}; there are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    results = [importlib.import_module(f"bench.{name}").run() for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
