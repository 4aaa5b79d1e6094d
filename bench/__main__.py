"""Run benchmarks against other programs.

Give names of ``BENCHES`` to run only these; without one, all of them run.

Both sides of a comparison run in turn on the same machine. The exit code is 1 if a goal is missed. ``--quick`` uses
smaller data and fewer repetitions.
"""

from __future__ import annotations

import importlib
import sys

BENCHES = (
    "session",
    "publish",
    "server",
    "load",
    "batch",
    "dialog",
    "review",
    "presentation",
    "feedback",
    "visibility",
    "attack",
    "viewport",
)


def main() -> int:
    """Run the benchmarks named on the command line, or all of them."""
    is_quick = "--quick" in sys.argv
    names = [name for name in sys.argv[1:] if name != "--quick"] or BENCHES
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"Unknown benchmark {unknown[0]}. Available: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    options = {name: {"is_quick": is_quick} for name in BENCHES[1:]}
    results = [importlib.import_module(f"bench.{name}").run(**options.get(name, {})) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
