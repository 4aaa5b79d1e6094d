"""Read tables and the items of a batch: CSV and JSON lines, a folder, or a list of shots from the server."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors
from ft_dcc.files import sequences
from ft_dcc.media import ColourOptions
from ft_dcc.publish.models import PublishRequest
from ft_dcc.session import Session
from ft_dcc.settings.publish_options import COLOUR_OPTIONS, OPTIONS, TEXTS

_FIELD = re.compile(r"\{(\w+)\}")
SCENE_SUFFIXES = frozenset((".blend", ".ma", ".mb", ".nk"))


@attrs.frozen
class Item:
    """One source with the options of its publish."""

    # Where it is defined: "shots.csv, line 3".
    place: str
    request: PublishRequest
    # The scene file that is to be captured, None for files.
    scene: Path | None = None
    # The values that are invalid.
    problems: tuple[str, ...] = ()
    # A text of presets and options of the scene's program.
    look: str = ""
    # The scene inside of a .blend file, "" for its active one.
    scene_name: str = ""
    # Its line has no values, such as one of invalid JSON.
    is_unreadable: bool = False

    @property
    def source(self) -> str:
        """The path of the source: a scene, a movie, an image or the pattern of a sequence."""
        return str(self.scene) if self.scene is not None else "".join(self.request.source[:1])

    @property
    def needs_rate(self) -> bool:
        """Whether its frame rate has to be that of the shot."""
        return self.scene is None and self.request.fps is None and sequences.is_sequence(self.source)


# The columns of the options of a publish, and those of colours, with the fields of the request and of ColourOptions.
_COLUMNS = {option.column: (name, option) for name, option in OPTIONS.items() if option.has_column}
_COLOUR_COLUMNS = {option.column: name for name, option in COLOUR_OPTIONS.items()}
_OTHER_COLUMNS = ("source", "camera", "look", "scene", *_COLOUR_COLUMNS)


def read_manifest(path: Path, defaults: PublishRequest) -> list[Item]:
    """Return the items of a CSV or JSON lines file; relative sources are relative to its folder.

    Raises UserFixableError if the file cannot be read, or has no item. Invalid values are problems of their items.
    """
    if path.suffix.lower() not in _READERS:
        raise errors.UserFixableError(
            f"{path} is not a manifest. Give a CSV or JSON lines file (.jsonl), or a folder with --match."
        )
    rows = read_rows(path)
    if path.suffix.lower() == ".csv":
        # Each row has the columns of the first line.
        for problem in _cells({name: "" for _, row in rows for name in row if name})[1]:
            raise errors.UserFixableError(f"{path.name}, line 1: {problem}")
    items = [_item(place, row, path.absolute().parent, defaults) for place, row in rows]
    if not items:
        raise errors.UserFixableError(f"{path} has no items. Add one line with source and task for each version.")
    return items


def read_rows(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Return each row with its place, "tasks.csv, line 3"; "" is why it is invalid. Raises UserFixableError."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise errors.UserFixableError(f"{path} is not a table. Give a CSV or JSON lines file (.jsonl).")
    try:
        return list(reader(path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or ("it is not UTF-8" if isinstance(error, ValueError) else error)
        raise errors.UserFixableError(f"{path} cannot be read: {reason}. Give another file.") from error


def _read_csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Spreadsheets write a byte order mark, and semicolons in some countries.
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)
        reader = csv.DictReader(file, delimiter=delimiter)
        for row in reader:
            surplus = {"": "more values than columns"} if None in row else {}
            cells = {name.strip(): value for name, value in row.items() if name is not None and (value or "").strip()}
            yield f"{path.name}, line {reader.line_num}", {**cells, **surplus}


def _read_json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            row = {"": f"invalid JSON: {error}"}
        yield f"{path.name}, line {number}", row if isinstance(row, dict) else {"": "not an object"}


_READERS = {".csv": _read_csv, ".jsonl": _read_json_lines, ".ndjson": _read_json_lines}


def _item(place: str, row: Mapping[str, Any], folder: Path, defaults: PublishRequest) -> Item:
    cells, problems = _cells(row)
    if "" in row and not cells:
        return Item(place, attrs.evolve(defaults, source=()), problems=tuple(problems), is_unreadable=True)
    values, invalid = _values(cells, folder, defaults)
    problems += invalid
    source = str(cells.get("source", "")).strip()
    if not source:
        problems.append("No source. Add a column source with frames, a movie, an image or a scene.")
    is_scene = Path(source).suffix.lower() in SCENE_SUFFIXES
    useless = _COLOUR_COLUMNS if is_scene else ("camera", "look", "scene")
    kind = "a scene" if is_scene else "no scene"
    problems += [f"{source} is {kind}, so it has no {name}." for name in useless if source and cells.get(name)]
    scene_name = str(cells.get("scene", ""))
    if scene_name and is_scene and Path(source).suffix.lower() != ".blend":
        problems.append(f"{source} has one scene. Leave out the column scene.")
    request = attrs.evolve(defaults, **values)
    item = make_item(place, source and _absolute(source, folder), request, str(cells.get("camera", "")), problems)
    return attrs.evolve(item, look=str(cells.get("look", "")), scene_name=scene_name)


def _values(cells: Mapping[str, Any], folder: Path, defaults: PublishRequest) -> tuple[dict[str, Any], list[str]]:
    """Return the fields of the request that the cells contain, and the problems of invalid ones."""
    values: dict[str, Any] = {}
    problems = []
    for column, (field, option) in _COLUMNS.items():
        if column not in cells:
            continue
        try:
            value = option.parse(cells[column])
        except errors.SettingInvalid as error:
            problems.append(str(error))
        else:
            values[field] = tuple(_absolute(text, folder) for text in value) if option.is_path else value
    colour = {field: str(cells[column]) for column, field in _COLOUR_COLUMNS.items() if column in cells}
    if colour:
        values["colour"] = attrs.evolve(defaults.colour or ColourOptions.of_settings(), **colour)
    return values, problems


def _cells(row: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a row by their columns, without null of JSON, and the problems of its columns."""
    cells, problems = {}, []
    known = (*_OTHER_COLUMNS, *_COLUMNS)
    for name, value in row.items():
        column = name.strip().lower().replace(" ", "_").replace("-", "_")
        if value is None:
            continue
        takes_list = column in _COLUMNS and _COLUMNS[column][1].kind is TEXTS
        if not name:
            problems.append(f"The line is invalid: {value}.")
        elif column not in known:
            problems.append(f"There is no column {name!r}. {errors.nearest_hint(name.lower(), sorted(known))}")
        elif isinstance(value, dict) or (isinstance(value, list) and not takes_list):
            problems.append(f"The column {name!r} has one value, not a list or a table.")
        else:
            cells[column] = value
    return cells, problems


def make_item(place: str, source: str, request: PublishRequest, camera: str = "", problems: Iterable[str] = ()) -> Item:
    """Return the item of a source; a scene is captured from the camera or node, by default its active one."""
    if Path(source).suffix.lower() in SCENE_SUFFIXES:
        sources = (camera,) if camera else ()
        # The colours of files are not those of a capture.
        return Item(place, attrs.evolve(request, source=sources, colour=None), Path(source), tuple(problems))
    return Item(place, attrs.evolve(request, source=(source,) if source else ()), None, tuple(problems))


def _absolute(text: str, folder: Path) -> str:
    return os.path.normpath(os.path.join(folder, text))  # noqa: PTH118 - a pattern is no path yet


def read_folder(folder: Path, match: str, defaults: PublishRequest) -> list[Item]:
    """Return an item for each sequence, movie, image and scene below the folder whose path matches ``match``.

    ``match`` is compared with the first parts of the path below the folder, as in ``{sequence}/{shot}/{task}``. Its
    fields fill those of ``defaults.task``, by default all of them joined. Raises UserFixableError if nothing matches.
    """
    parts, position, names = [], 0, set()
    for field in _FIELD.finditer(match):
        parts.append(re.escape(match[position : field.start()]))
        parts.append(f"(?P={field[1]})" if field[1] in names else f"(?P<{field[1]}>[^/]+?)")
        names.add(field[1])
        position = field.end()
    if not names:
        raise errors.SettingInvalid(f"{match!r} has no field. Write it as '{{sequence}}/{{shot}}/{{task}}'.")
    pattern = re.compile("".join((*parts, re.escape(match[position:]), "/")))
    rule = defaults.task or match
    items = []
    for inside in sorted({folder, *(path for path in folder.rglob("*") if path.is_dir())}):
        scenes = [str(path) for path in sorted(inside.iterdir()) if path.suffix.lower() in SCENE_SUFFIXES]
        for source in (*sequences.find_sequences([inside]), *scenes):
            relative = Path(source).relative_to(folder).as_posix()
            stem = relative[: len(relative) - len(Path(relative).suffix)]
            found = pattern.match(f"{stem}/")
            if found is not None:
                # Those of a project have no task.
                task = defaults.task if defaults.project else fill_rule(rule, found.groupdict())
                request = attrs.evolve(defaults, task=task)
                items.append(make_item(relative, _absolute(source, Path.cwd()), request))
    if not items:
        raise errors.UserFixableError(f"Nothing in {folder} matches {match}. Give other fields with --match.")
    return items


def fill_rule(rule: str, fields: Mapping[str, str]) -> str:
    """Return the rule with its fields replaced; raise SettingInvalid for a field that does not exist."""
    for name in _FIELD.findall(rule):
        if name not in fields:
            raise errors.SettingInvalid(f"There is no field {{{name}}}. There are: {', '.join(fields)}.")
    return _FIELD.sub(lambda field: fields[field[1]], rule)


def read_shots(session: Session, expression: str, source: str, defaults: PublishRequest) -> list[Item]:
    """Return an item for each shot that the query finds, as "Shot where parent.name is SQ010".

    ``source`` and ``defaults.task`` are rules with the fields project, sequence, shot and path. Raises
    UserFixableError if the query finds nothing, SettingInvalid and ServerError.
    """
    items = []
    for found in session.query(f"select name, link from {expression}"):
        names = [str(part["name"]) for part in found["link"]]
        fields = {"project": names[0], "sequence": names[-2], "shot": names[-1], "path": "/".join(names)}
        request = attrs.evolve(defaults, task=fill_rule(defaults.task or "{path}", fields))
        items.append(make_item(fields["path"], os.path.abspath(fill_rule(source, fields)), request))  # noqa: PTH100
    if not items:
        raise errors.UserFixableError(f"The server has nothing for {expression!r}. Give another query with --from.")
    return items
