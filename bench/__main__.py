"""Run benchmarks against other programs and print their tables.

``python -m bench`` runs all of them, ``python -m bench NAME …`` some. ``python -m bench quick`` prints one table of the
rows that are measured in CPU time, requests or bytes, which other programs on the machine hardly change, in a few
minutes. Both sides of a comparison run in turn on the same machine. The exit code is 1 if a goal is missed.

``--small`` uses little data: it shows that the benchmarks run, and their figures mean nothing.
"""

from __future__ import annotations

import datetime
import importlib
import os
import platform
import subprocess
import sys
import time

from bench.table import print_table

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
# Those with a function ``quick_rows``.
QUICK = ("session", "dialog", "batch", "review", "visibility")


def main() -> int:
    """Run the benchmarks named on the command line, or all of them."""
    is_small = "--small" in sys.argv
    names = [name for name in sys.argv[1:] if name != "--small"] or list(BENCHES)
    unknown = [name for name in names if name not in (*BENCHES, "quick")]
    if unknown:
        print(f"Unknown benchmark {unknown[0]}. Available: quick, {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    print(_conditions())
    began = time.perf_counter()
    results = [_run_quick() if name == "quick" else _run(name, is_small) for name in names]
    print(f"\nIt took {(time.perf_counter() - began) / 60:.1f} minutes.")
    return 0 if all(results) else 1


def _run(name: str, is_small: bool) -> bool:
    print(f"\n## {name}\n", flush=True)
    return bool(importlib.import_module(f"bench.{name}").run(is_small=is_small))


def _run_quick() -> bool:
    print("\n## quick\n", flush=True)
    return print_table(row for name in QUICK for row in importlib.import_module(f"bench.{name}").quick_rows())


def _conditions() -> str:
    """Return the commit, the date and the machine of these figures."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    commit = subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout.strip()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"Commit {commit or 'unknown'}, {datetime.datetime.now():%Y-%m-%d %H:%M}, {os.cpu_count()} cores{load}, "
        f"Python {platform.python_version()}."
    )


if __name__ == "__main__":
    sys.exit(main())
