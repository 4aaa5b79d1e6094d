"""The plan of a batch: what is to be published, what is done, and all problems at once.

The plan is a folder: ``items.jsonl`` has a line for each item, ``results`` a file for each finished one.
"""

from __future__ import annotations

import collections
import functools
import hashlib
import importlib.util
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, frames
from ft_dcc.batch import scene_runner
from ft_dcc.batch.manifest import Item
from ft_dcc.files import atomic, sequences
from ft_dcc.media import ocio
from ft_dcc.publish.jobs import journal, queue, states
from ft_dcc.publish.jobs.job import Job, StudioIdentity, jobs_folder
from ft_dcc.session import Session
from ft_dcc.session.query.expression import quoted

ITEMS, RESULTS = "items.jsonl", "results"
# Servers limit the length of an expression.
_SHOTS_PER_QUERY = 200
DONE, PROBLEM, FAILED, WAITING = "done", "problem", "failed", "waiting"


@attrs.frozen
class PlannedItem(Item):
    """An item with its index and its key; equal items of two plans have equal keys."""

    index: int = attrs.field(kw_only=True)
    key: str = attrs.field(kw_only=True)
    server: str = attrs.field(kw_only=True)
    # That of the studio: its address may change. A site has none.
    studio_id: str | None = None
    # How often it was published again on request.
    generation: int = 0

    @property
    def job(self) -> str:
        """The id of its job."""
        return f"batch-{self.key}"


@attrs.frozen
class ItemResult:
    """What became of an item: ``state`` is DONE, PROBLEM (the artist can fix it), FAILED, or WAITING for the server."""

    index: int
    key: str
    place: str
    source: str
    task: str
    state: str
    version: int | None = None
    version_id: str | None = None
    link: str | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, item: PlannedItem, state: str, problems: Iterable[str] = (), **values: Any) -> ItemResult:
        """Return the result of an item."""
        task = item.request.context or ""
        return cls(item.index, item.key, item.place, item.source, task, state, problems=tuple(problems), **values)


@attrs.frozen
class Plan:
    """The items of a batch in its folder."""

    folder: Path
    items: tuple[PlannedItem, ...]

    @classmethod
    def open(cls, manifest: Path) -> Plan:
        """Return the plan whose ``items.jsonl`` this is; raise UserFixableError if it cannot be read."""
        try:
            lines = [journal.read_value(line.decode("ascii")) for line in manifest.read_bytes().split(b"\n")[:-1]]
            items = tuple(PlannedItem(**{**values, "problems": tuple(values["problems"])}) for values in lines)
        except OSError as error:
            raise errors.UserFixableError(
                f"{manifest} cannot be read: {error.strerror}. Give the file items.jsonl of a batch."
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise errors.UserFixableError(f"{manifest} is not the plan of a batch: {error}. Plan it again.") from error
        return cls(manifest.parent, items)

    def save(self) -> None:
        """Write the items; raise StorageError."""
        lines = [journal.write_value(attrs.asdict(item, recurse=False)) for item in self.items]
        what = f"The batch folder {self.folder} cannot be written"
        with atomic.storage_errors(what, "Choose a writable one with --to."):
            (self.folder / RESULTS).mkdir(parents=True, exist_ok=True)
            atomic.write_atomically(self.folder / ITEMS, "".join(f"{line}\n" for line in lines).encode("ascii"))

    def results(self) -> list[ItemResult]:
        """Return the result of each item; those without one wait, and those with problems have them."""
        found = []
        for item in self.items:
            result = read_result(self.folder / RESULTS, item)
            if result is None or (item.problems and result.state != DONE):
                result = ItemResult.of(item, PROBLEM if item.problems else WAITING, item.problems)
            found.append(attrs.evolve(result, index=item.index, place=item.place))
        return found

    @property
    def todo(self) -> list[PlannedItem]:
        """The items without problems whose versions do not exist yet."""
        results = ((item, read_result(self.folder / RESULTS, item)) for item in self.items if not item.problems)
        return [item for item, result in results if result is None or result.state != DONE]


def read_result(folder: Path, item: PlannedItem) -> ItemResult | None:
    """Return the result of the item in the folder of results, None without a readable one."""
    try:
        values = json.loads((folder / f"{item.key}.json").read_bytes())
        return ItemResult(**{**values, "problems": tuple(values["problems"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_result(folder: Path, result: ItemResult) -> None:
    """Write the result of an item, all of it or nothing; raise StorageError."""
    with atomic.storage_errors(f"The result in {folder} cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_atomically(folder / f"{result.key}.json", json.dumps(attrs.asdict(result)).encode("ascii"))


def make_plan(
    session: Session, items: Sequence[Item], folder: Path, *, again: bool = False, is_local: bool = True
) -> Plan:
    """Return the saved plan of the items, with all problems that can be found without decoding a file.

    Unless other machines do the work (``is_local``), programs of scenes that are missing here are problems, too. Equal
    items have the same job in every plan, so that none is published twice, and those whose job is done are done in a
    new folder, too. With ``again`` all of them get new jobs. Raises StorageError and ServerError.
    """
    earlier = Plan.open(folder / ITEMS).items if (folder / ITEMS).is_file() else ()
    jobs = jobs_folder()
    generations = _generations((*(item.job for item in earlier), *(path.name for path in jobs.glob("batch-*"))))
    tasks, find_program_problems = _find_tasks(session, items), functools.lru_cache(_program_problems)
    shots_without_rate = _find_shots_without_rate(session, items, tasks)
    counts: collections.Counter[str] = collections.Counter()
    planned, studio = [], StudioIdentity.of(session)
    with sequences.folders_read_once():
        found = [_problems(item, tasks, shots_without_rate) for item in items]
    for index, item in enumerate(items):
        asked = item.request
        identity = [studio.id or studio.server, asked.context, asked.asset, str(item.scene), asked.source]
        # Not for all items, whose keys would change.
        identity += [item.scene_name] if item.scene_name else []
        base = hashlib.sha256(json.dumps(identity).encode("ascii")).hexdigest()[:16]
        generation = generations[base] + again if base in generations else 0
        key = f"{base}-{generation}" if generation else base
        counts[key] += 1
        problems = [*item.problems, *found[index]]
        if is_local and item.scene is not None:
            problems += find_program_problems(item.scene.suffix.lower())
        if counts[key] > 1:
            if not item.is_unreadable:
                problems.append("The same source is listed twice for this task. Remove one of the two lines.")
            key = f"{key}-copy{counts[key]}"
        values = {**attrs.asdict(item, recurse=False), "problems": tuple(problems), "generation": generation}
        planned.append(PlannedItem(**values, index=index, key=key, server=studio.server, studio_id=studio.id))
    plan = Plan(folder, tuple(planned))
    plan.save()
    for item in plan.todo:
        _keep_earlier_result(item, Job(jobs / item.job), folder / RESULTS)
    return plan


def _generations(jobs: Iterable[str]) -> dict[str, int]:
    # By the key of the first one.
    found: dict[str, int] = {}
    for name in jobs:
        base, _, generation = name.partition("-")[2].partition("-")
        if not generation or generation.isdigit():
            found[base] = max(found.get(base, 0), int(generation or 0))
    return found


def _keep_earlier_result(item: PlannedItem, job: Job, results: Path) -> None:
    """Write the result of an item that was published by a plan in another folder."""
    if job.report.is_file() and queue.inspect_job(job).state == states.DONE:
        first = json.loads(job.report.read_bytes())["versions"][0]
        values = {name: first[name] for name in ("version", "version_id", "link")}
        write_result(results, ItemResult.of(item, DONE, **values))


def _find_tasks(session: Session, items: Sequence[Item]) -> dict[str, str]:
    """Return the shots' ids by id and path of tasks and shots, with one query for each project and one for ids."""
    wanted, select = {item.request.context for item in items if item.request.context}, "select id, link, parent_id from"
    projects = sorted({task.strip("/").split("/")[0] for task in wanted if "/" in task})
    queries = [f"{select} TypedContext where project.name is {quoted(project)}" for project in projects]
    listed = ", ".join(quoted(task) for task in sorted(wanted) if "/" not in task)
    if listed:
        queries.append(f"{select} TypedContext where id in ({listed})")
    names = ", ".join(quoted(item.request.project) for item in items if item.request.project)
    if names:
        queries.append(f"{select} Project where name in ({names})")
    found: dict[str, str] = {}
    for each in (each for query in queries for each in session.query(query)):
        path = "/".join(str(part["name"]) for part in each["link"])
        found[path] = found[str(each["id"])] = str(each["parent_id" if each.entity_type == "Task" else "id"])
    return found


def _find_shots_without_rate(session: Session, items: Sequence[Item], tasks: Mapping[str, str]) -> frozenset[str]:
    """Return the ids of the shots without a frame rate, of those whose rate an item needs."""
    shots = sorted({tasks[name] for item in items if item.needs_rate and (name := _task_name(item)) in tasks})
    found = set()
    for first in range(0, len(shots), _SHOTS_PER_QUERY):
        listed = ", ".join(quoted(each) for each in shots[first : first + _SHOTS_PER_QUERY])
        for shot in session.query(f"select id, link, custom_attributes from Context where id in ({listed})"):
            attributes = shot["custom_attributes"]
            if "fps" not in attributes or not attributes.inherited("fps"):
                found.add(str(shot["id"]))
    return frozenset(found)


def _task_name(item: Item) -> str:
    """Return the id or path of the item's task, without spaces around the names, "" without a task."""
    return "/".join(part.strip() for part in (item.request.context or "").strip("/").split("/"))


def _problems(item: Item, tasks: Mapping[str, str], shots_without_rate: frozenset[str]) -> list[str]:
    if item.is_unreadable:
        # Its other values are unknown.
        return []
    problems = []
    task, name = item.request.context, _task_name(item)
    if item.request.has_two_contexts:
        problems.append("A version has a task or a project. Leave out one of them.")
    elif not task:
        problems.append("No task. Add --task PROJECT/SEQUENCE/SHOT/TASK, or a column task.")
    elif item.request.project and name not in tasks:
        problems.append(f"There is no project {item.request.project}. Check its name.")
    elif name not in tasks:
        # Only a path can be created, not an id or the name of a file that --match has found.
        is_path = "/" in name and all(name.split("/"))
        advice = (
            f"Create it with: ft-dcc task ensure {shlex.quote(task)}"
            if is_path
            else "Give its id or its path, PROJECT/SEQUENCE/SHOT/TASK, with --match, --task or a column task."
        )
        problems.append(f"There is no task {task}. {advice}")
    elif item.needs_rate and tasks[name] in shots_without_rate:
        problems.append("No frame rate: the shot has none. Set it on the shot, or add --fps 24 or a column fps.")
    if item.source and not item.problems:
        problems += _source_problems(item)
    return problems


def _program_problems(suffix: str) -> list[str]:
    """Return why scenes with this suffix cannot be captured on this machine."""
    host = scene_runner.PROGRAMS.get(suffix)
    try:
        if host is not None:
            scene_runner.require_program(host)
        elif importlib.util.find_spec("bpy") is None:
            raise errors.MissingExtra("blender", "A playblast of a .blend file")
    except errors.Error as error:
        return [str(error)]
    return []


def _source_problems(item: Item) -> list[str]:
    source = item.source
    try:
        scene_runner.program_of(Path(source))
        if item.scene is None and item.request.colour is not None:
            ocio.refuse_unused(source, item.request.colour)
    except (errors.SceneUnreadable, errors.UserFixableError) as error:
        return [str(error)]
    if item.scene is not None or not sequences.is_sequence(source):
        return [] if Path(source).is_file() else [f"{source} does not exist."]
    try:
        wanted = item.request.frame_range or frames.find_frames(source)
    except errors.FramesMissing as error:
        return [str(error)]
    missing = frames.Frames(source, wanted, Fraction(1), frames.Resolution(1, 1)).missing()
    if not missing or item.request.fill_missing:
        return []
    return [f"{len(missing)} frames of {source} are missing or empty: {frames.format_ranges(missing)}. Render them."]
