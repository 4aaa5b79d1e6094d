"""Write ``flags.tsv``: ``python -m doubles.maya.record FOLDER``, with the folder ``pymel/cache`` of pymel 1.5.0.

pymel's tables were made inside of the Maya of each year, by its own ``help`` and its documentation. What is kept are
facts: names of flags, how many values each takes and of which kind, and in which of the modes create, query and edit.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

YEARS = (2022, 2023, 2024, 2025)
FLAGS = Path(__file__).with_name("flags.tsv")
# Commands without flags take part, too: a name that is not here does not exist.
COMMANDS = (
    "about camera confirmDialog currentTime currentUnit delete deleteUI evalDeferred file fileInfo getAttr "
    "getPanel help isolateSelect listRelatives ls menu menuItem modelEditor modelPanel nodeType objExists "
    "optionVar paneLayout play playblast playbackOptions polyCube progressWindow referenceQuery refresh select "
    "setAttr setFocus setKeyframe shelfButton shelfLayout tabLayout timeControl undoInfo unknownPlugin warning "
    "window"
)


def record(cache: Path) -> list[str]:
    """A line a flag: command, long and short name, kinds of its values, how many, modes, years; tabs in between."""
    tables = {year: _table(cache / f"mayaCmdsList{year}.py") for year in YEARS}
    lines = []
    for command in sorted(COMMANDS.split()):
        lines.append(command)
        of_year = {year: tables[year][command].get("flags", {}) for year in YEARS}
        for name in sorted({name for flags in of_year.values() for name in flags}):
            years = [year for year in YEARS if name in of_year[year]]
            lines.append("\t".join((command, *_facts(of_year[years[-1]][name]), " ".join(map(str, years)))))
    return lines


def _facts(flag: dict[str, Any]) -> tuple[str, ...]:
    kinds = flag["args"] if isinstance(flag["args"], list) else [flag["args"]]
    names = " ".join(str(kind).replace("<type ", "").rstrip(">") for kind in kinds)
    return flag["longname"], flag["shortname"], names, str(flag["numArgs"]), " ".join(flag.get("modes") or [])


def _table(path: Path) -> dict[str, Any]:
    source = path.read_text(encoding="utf-8")
    tables: Any = ast.literal_eval(source[source.index("data =") + 6 :].strip())
    commands: dict[str, Any] = tables[0]
    return commands


if __name__ == "__main__":
    FLAGS.write_text("\n".join(record(Path(sys.argv[1]))) + "\n", encoding="utf-8")
