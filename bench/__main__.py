"""``python -m bench session publish server dialog``: measurements against other programs, run side by side.

The exit code is 1 when a goal is missed. ``--quick`` asks for a first impression, with a fifth of the frames.
"""

from __future__ import annotations

import importlib
import sys

BENCHES = ("session", "publish", "server", "dialog")


def main() -> int:
    """Run the benches that were named, or all of them."""
    is_quick = "--quick" in sys.argv
    names = [name for name in sys.argv[1:] if name != "--quick"] or BENCHES
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"There is no bench called {unknown[0]}; there are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    options = {name: {"is_quick": is_quick} for name in ("publish", "server", "dialog")}
    results = [importlib.import_module(f"bench.{name}").run(**options.get(name, {})) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
