"""The movies of versions in a scene: those of an edit, updated to the newest, and those of a shot's neighbours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ft_dcc.errors import UserFixableError
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.publish.models import Task
from ft_dcc.publish.work_files import WorkFiles, fetch_movie
from ft_dcc.review.feedback import listed
from ft_dcc.session import Session
from ft_dcc.session.query.expression import quoted

_SELECT = "select version, asset_id, task.name, asset.parent.name, asset.parent.link from AssetVersion"
_MAX_NAMED = 8
# The ids of versions by the name of what shows them, "" for a movie that may be any version.
Shown = Mapping[str, str]


def newest_versions(session: Session, task: Task, shown: Shown) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return by name how the shown version is called, and the newest one of its asset.

    That of a movie that may be any version is the newest one of the shot that its name begins with, in the sequence of
    the task or else its project, of the task with the same name if that has one. Other names are left out.
    """
    versions = session.query(f"{_SELECT} where id in ({listed(['', *shown.values()])})").all()
    known = {each["id"]: each for each in versions}
    shots = listed({"", *map(_shot_of, shown)})
    assets = listed(["", *{each["asset_id"] for each in versions}])
    of_shots = f"(asset.parent.project_id is {quoted(task.project_id)} and asset.parent.name in ({shots}))"
    every = session.query(
        f"{_SELECT} where asset_id in ({assets}) or {of_shots} order by date desc, version desc"
    ).all()
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for name, version_id in shown.items():
        own = known.get(version_id)
        if own is not None:
            found[name] = (_number(own), next(each for each in every if each["asset_id"] == own["asset_id"]))
        elif (newest := _newest_of_shot(task, _shot_of(name), every)) is not None:
            found[name] = ("unknown", newest)
    return found


def _newest_of_shot(task: Task, shot: str, versions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    known = [each for each in versions if each["asset"]["parent"]["name"] == shot]
    ids = {each["id"]: [part["id"] for part in each["asset"]["parent"]["link"]] for each in known}
    near = [each for each in known if ids[each["id"]][:-1] in ([*task.ids[:-2]], [*task.ids[:-1]])] or known
    if len({ids[each["id"]][-1] for each in near}) != 1:
        return None
    own = (each for each in near if each["task"] is not None and each["task"]["name"] == task.name)
    return next(own, near[0])


def update_movies(
    files: WorkFiles,
    shown: Shown,
    mark: Callable[[Mapping[str, str]], object],
    show: Callable[[Mapping[str, tuple[str, Path]]], list[str]] | None = None,
) -> str:
    """Mark the movies that are outdated, or let ``show`` show the newest ones, and return sentences.

    ``mark`` takes a text such as "v003 -> v005" by name, ``show`` the id of the version and the movie; it returns what
    the artist should know. All movies are fetched before the first one is shown; raises as ``fetch_movie``.
    """
    found = newest_versions(files.session, files.task, shown)
    outdated = {name: each for name, each in found.items() if shown[name] != each[1]["id"]}
    remarks = [f"There is no version for {_joined(sorted(unknown))}."] if (unknown := {*shown} - {*found}) else []
    movies = {}
    for name, (_, version) in outdated.items() if show is not None else ():
        try:
            # A folder for each asset: shots of different sequences can have the same name.
            folder = files.path(1).parent / "edit" / version["asset_id"]
            movies[name] = (version["id"], fetch_movie(files.session, version["id"], folder))
        except UserFixableError as error:
            remarks.append(f"{name}: {error}")
    texts = {name: f"{before} -> {_number(version)}" for name, (before, version) in outdated.items()}
    if show is None:
        run_when_idle(files.host, partial(mark, texts))
    elif movies:
        remarks += run_when_idle(files.host, partial(show, movies))
    named = [f"{name} {text}" for name, text in texts.items() if show is None or name in movies]
    verb = "Outdated" if show is None else "Updated"
    first = f"{verb}: {_joined(named)}." if named else "" if outdated else "All movies are up to date."
    return " ".join(filter(None, [first, *remarks]))


def show_neighbours(files: WorkFiles, show: Callable[[Path | None, Path | None], object]) -> str:
    """Show the movies of the previous and the next shot in the sequence, and return a sentence.

    Raises UserFixableError if neither has a version, and as ``fetch_movie``.
    """
    session, task = files.session, files.task
    parent = quoted(task.ids[len(task.shot_names) - 2])
    shots = session.query(f"select name, sort from Shot where parent_id is {parent}").all()
    # Of equal places by name, shot 9 before shot 10.
    names = [each["name"] for each in sorted(shots, key=lambda each: (each["sort"] or 0, _natural(each["name"])))]
    is_shot, names = task.shot_name in names, ["", *names, ""]
    around = [names[names.index(task.shot_name) + step] for step in (-1, 1)] if is_shot else []
    found = newest_versions(session, task, dict.fromkeys(around, ""))
    if not found:
        raise UserFixableError(f"{task.shot_name} has no neighbour in its sequence with a version.")
    folder = files.path(1).parent / "reference"
    movies = {name: fetch_movie(session, each["id"], folder / each["asset_id"]) for name, (_, each) in found.items()}
    run_when_idle(files.host, partial(show, *map(movies.get, around)))
    return f"Shown: {' and '.join(movies)}."


def _shot_of(name: str) -> str:
    """Return the name of the shot of a strip such as "SH010.mp4" or "SH010.001"."""
    return name.partition(".")[0]


def _number(version: Mapping[str, Any]) -> str:
    return f"v{version['version']:03d}"


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _joined(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
