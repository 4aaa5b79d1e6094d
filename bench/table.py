"""Comparison rows and their Markdown table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import attrs


@attrs.frozen
class Row:
    """One comparison: the ratio of ``ours`` to ``theirs`` is at most ``goal``, or at least ``goal`` if ``is_least``."""

    measure: str
    theirs: Sequence[float]
    ours: Sequence[float]
    goal: float
    unit: str = "ms"
    peer: str = "official"
    is_least: bool = False

    @property
    def ratio(self) -> float:
        """Return the median of the ratios of each pair, so that a noisy minute affects one pair only."""
        return statistics.median(our / their for our, their in zip(self.ours, self.theirs))

    @property
    def is_reached(self) -> bool:
        """Return whether the ratio meets the goal."""
        return self.ratio >= self.goal if self.is_least else self.ratio <= self.goal


def print_table(rows: Iterable[Row]) -> bool:
    """Print the rows as a Markdown table and return whether every goal is reached."""
    print("| measure | peer | theirs | ours | ratio | goal | |")
    print("|---|---|---|---|---|---|---|")
    reached = True
    for row in rows:
        reached &= row.is_reached
        theirs, ours = (f"{statistics.median(values):,.2f} {row.unit}" for values in (row.theirs, row.ours))
        verdict = "reached" if row.is_reached else "MISSED"
        print(f"| {row.measure} | {row.peer} | {theirs} | {ours} | {row.ratio:.3f} | {row.goal:.3f} | {verdict} |")
    return reached
