"""Write the table of Maya's flags for the double: ``python .ci/maya_flags.py CACHE STUBS``.

CACHE is the folder ``pymel/cache`` of pymel 1.5.0, whose tables were made inside of the Maya of each year, 2022 to
2025, by its own ``help`` and its documentation. STUBS is ``maya-stubs/cmds/__init__.pyi`` of maya-stubs 0.4.2, made
from the documentation of Maya 2026: what that leaves out counts as not there. For 2027 there is no such source; it is
taken for 2026. What is kept: names of flags, how many values each takes and of which kind, and in which of
the modes create, query and edit.
"""

import ast
import re
import sys
from pathlib import Path
from typing import Any

YEARS = (2022, 2023, 2024, 2025)
DOCUMENTED = 2026
FLAGS = Path(__file__).parents[1] / "tests" / "doubles" / "maya" / "flags.tsv"
# Commands without flags are included, because a missing name means that the command does not exist.
COMMANDS = (
    "about attributeQuery camera colorManagementPrefs confirmDialog connectAttr connectionInfo createNode "
    "currentTime currentUnit delete deleteUI displayPref displayRGBColor duplicate evalDeferred file fileInfo "
    "frameLayout getAttr getClassification getPanel headsUpDisplay help imagePlane isolateSelect listAttr "
    "listConnections listRelatives loadPlugin lookThru ls menu menuItem modelEditor modelPanel nodeType objExists "
    "ogs optionVar paneLayout parent play playbackOptions playblast pluginDisplayFilter pluginInfo polyCube "
    "progressWindow quit referenceEdit referenceQuery refresh runTimeCommand saveShelf select sequenceManager "
    "setAttr setFocus setKeyframe shelfButton shelfLayout shot tabLayout timeControl undoInfo unknownPlugin warning "
    "window workspaceControl"
)


def record(cache: Path, stubs: Path) -> list[str]:
    """Return one line per flag: command, long and short name, value kinds, arity, modes, years; separated by tabs."""
    tables = {year: _table(cache / f"mayaCmdsList{year}.py") for year in YEARS}
    documented = _documented(stubs)
    lines = []
    for command in sorted(COMMANDS.split()):
        lines.append(command)
        of_year = {year: tables[year][command].get("flags", {}) for year in YEARS}
        for name in sorted({*documented[command], *(name for flags in of_year.values() for name in flags)}):
            years = [year for year in YEARS if name in of_year[year]]
            # A flag only of 2026: its modes and its short name are not documented there.
            facts = _facts(of_year[years[-1]][name]) if years else (name, "", documented[command][name], "1", "")
            # The documentation does not list the modes as flags.
            if name in documented[command] or name in ("query", "edit"):
                years.append(DOCUMENTED)
            lines.append("\t".join((command, *facts, " ".join(map(str, years)))))
    return lines


def _documented(stubs: Path) -> dict[str, dict[str, str]]:
    """Return the flags of each command with the kind of their value."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(stubs.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            flags = found.setdefault(node.name, {})
            for argument in node.args.kwonlyargs:
                kind = re.search(r"bool|int|float|str", ast.unparse(argument.annotation or ast.Constant(0)))
                flags[argument.arg] = kind[0] if kind else "any"
    return found


def _facts(flag: dict[str, Any]) -> tuple[str, ...]:
    kinds = flag["args"] if isinstance(flag["args"], list) else [flag["args"]]
    names = " ".join(str(kind).replace("<type ", "").rstrip(">") for kind in kinds)
    return flag["longname"], flag["shortname"], names, str(flag["numArgs"]), " ".join(flag.get("modes") or [])


def _table(path: Path) -> Any:
    source = path.read_text(encoding="utf-8")
    return ast.literal_eval(source[source.index("data =") + 6 :].strip())[0]


if __name__ == "__main__":
    FLAGS.write_text("\n".join(record(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n", encoding="utf-8")
