"""The work files of a task: named by the setting ``work_file``, numbered on, and never written over.

And the movies of versions in them: those of an edit, updated to the newest, and those of a shot's neighbours.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, media
from ft_dcc.files import placing
from ft_dcc.host import Host, LoadsFrames, OpensScenes, Scene
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.production import project_settings, tasks, versions
from ft_dcc.publish import models, version_files
from ft_dcc.publish.plugins.collect import read_shot
from ft_dcc.review import feedback, notes
from ft_dcc.session import Session
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings import fields, resolve

# A number that no path contains.
_PROBE = 987_654_321
_SELECT = "select version, asset_id, task.name, asset.parent.name, asset.parent.link from AssetVersion"
_MAX_NAMED = 8
# The ids of versions by the name of what shows them, "" for a movie that may be any version.
Shown = Mapping[str, str]


@attrs.frozen
class WorkFiles:
    """The work files of one task in one program."""

    session: Session
    host: Any
    task: models.Task
    rule: str
    values: Mapping[str, Any]

    def path(self, number: int, suffix: str = "") -> Path:
        """Return the path of a version; raise SettingInvalid, UserFixableError or StorageError."""
        roots, values = self.session.location_setups.roots, {**self.values, "version": fields.VersionNumber(number)}
        # Without a root, as for an artist at home.
        home = Path.home() / "ft-dcc"
        return Path(version_files.path_of_rule(roots, "work_file", self.rule, values, home) + suffix)

    def find(self) -> dict[int, Path]:
        """Return the files on disk by their numbers, in order; raise what ``path`` raises."""
        pattern, probe = str(self.path(_PROBE)), str(_PROBE)
        suffixes = "|".join(map(re.escape, self.host.scene_suffixes))
        named = re.compile(f"{re.escape(pattern).replace(probe, '([0-9]+)')}(?i:{suffixes})")
        names = glob.glob(glob.escape(pattern).replace(probe, "*") + ".*")  # noqa: PTH207 - an absolute path
        found = [(match, Path(name)) for name in names if (match := named.fullmatch(name)) is not None]
        return dict(sorted((int(match[match.re.groups]), path) for match, path in found))

    def save_next(self) -> str:
        """Save the scene under the next free number, and return a sentence; raise what ``path`` and the host raise."""
        own, suffixes = Path(self._read_scene().path or "").suffix.lower(), self.host.scene_suffixes
        suffix = own if own in suffixes else suffixes[0]
        number = save_new(self.host, partial(self.path, suffix=suffix), max(self.find(), default=0) + 1)
        return f"Saved as {self.path(number, suffix)}."

    def open_newest(self, *, discard_changes: bool = False) -> str:
        """Open the newest file unless it is open, and return a sentence, "" without one; raise as OpensScenes does."""
        newest = next(reversed([*self.find().values()]), None)
        if newest is None:
            return ""
        if self._read_scene().path != newest:
            run_when_idle(self.host, partial(self.host.open_scene_file, newest, discard_changes=discard_changes))
        self._remember_task()
        return f"{newest.name} is open."

    def make(self, add_movie: Callable[[Path, int, str], object] | None = None) -> str:
        """Make the first file of a new scene with the shot's settings, and return sentences; raise as ``save_next``.

        ``add_movie`` adds the movie of the previous department, which begins at this frame, with its version to the
        scene. Without it, the images of the movie are loaded as other frames are.
        """
        host, own, shot = self.host, self._read_scene(), read_shot(self.session, self.task.parent_id)
        if own.path is not None:
            raise errors.UserFixableError(f"{own.path.name} is open. Begin with a new scene, then make the work file.")
        # The place is known to be usable before the scene is changed.
        folder = self.path(1).parent
        wanted = (shot.frame_range or own.frame_range, shot.fps or own.fps, shot.resolution or own.resolution)
        run_when_idle(host, partial(host.configure, *wanted))
        self._remember_task()
        remarks = [] if shot.frame_range else [f"{self.task.shot_name} has no frame range on the server."]
        version = previous_version(self.session, self.task)
        if version is not None:
            first = wanted[0].start if version.clip is None else version.clip.first_frame
            try:
                movie = fetch_movie(self.session, version.id, folder / "reference")
                if add_movie is not None:
                    run_when_idle(host, partial(add_movie, movie, first, version.id))
                elif isinstance(self.host, LoadsFrames):
                    images = media.movie_images(movie, movie.with_suffix(""), first)
                    run_when_idle(host, partial(host.load_frames, images.pattern, images.frame_range))
            except errors.Error as error:
                # The file is made without it.
                remarks.append(str(error))
        return " ".join((self.save_next(), *remarks))

    def take(self) -> str:
        """Open the newest file, or make the first one; raise as both of them."""
        return self.open_newest() or self.make()

    def _read_scene(self) -> Scene:
        scene: Scene = run_when_idle(self.host, self.host.scene)
        return scene

    def _remember_task(self) -> None:
        if self._read_scene().task_id != self.task.id:
            run_when_idle(self.host, partial(self.host.remember_task, self.task.id))


@contextmanager
def work_files_of(session: Session, host: Host, task_id: str) -> Iterator[WorkFiles]:
    """Yield the work files of a task by its project's settings; raise TaskNotFound, and UserFixableError for a host."""
    if not isinstance(host, OpensScenes):
        raise errors.UserFixableError(f"{host.name} opens no scene files.")
    task = models.Task.of(tasks.find_task(session, task_id, or_parent=True))
    with resolve.applied(project_settings.scope_of_task(session, session.server_url, task_id, None)):
        rule, suffix = os.path.splitext(fields.with_date(resolve.read_settings().require("work_file")))  # noqa: PTH122
        rule += "" if suffix.lower() in host.scene_suffixes else suffix
        values = {**task.fields, "user": session.api_user}
        if not re.search(r"[\\/]", rule):
            # In the folder of the task.
            folders = {f"folder{place}": name for place, name in enumerate(task.names)}
            rule, values = "/".join([*(f"{{{each}}}" for each in folders), rule]), {**values, **folders}
        yield WorkFiles(session, host, task, rule, values)


def save_new(host: Host, path_of: Callable[[int], Path], number: int) -> int:
    """Save the scene under the first number from this one on that no file has, and return it; raise as the host."""
    while True:
        path = path_of(number)
        with suppress(placing.TargetTaken):
            # Another person may save at the same time.
            claim = placing.Claim.take(str(path), secrets.token_hex(8), ())
            try:
                if not path.exists():
                    run_when_idle(host, partial(host.save, path))
                    return number
            finally:
                claim.release()
        number += 1


def previous_version(session: Session, task: models.Task) -> notes.ReviewedVersion | None:
    """Return the newest version of the department before the task's, None without one."""
    own = session.query(f"select sort from Type where name is {quoted(task.type)}").first()
    condition = f"asset.parent.id is {quoted(task.parent_id)} and task.type.sort < {own['sort'] if own else 0}"
    order = "order by task.type.sort desc, date desc"
    found = session.query(f"select id from AssetVersion where {condition} {order}").first()
    return None if found is None else feedback.of_versions(session, [found["id"]])[0]


def fetch_movie(session: Session, version_id: str, folder: Path) -> Path:
    """Return the review movie of a version in the folder, downloaded unless it is there; raise as ``fetch``."""
    component = versions.find_movie(session, version_id)
    path = folder / component.file_name
    return path if path.is_file() else versions.fetch(session, component, folder)


def newest_versions(session: Session, task: models.Task, shown: Shown) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return by name how the shown version is called, and the newest one of its asset.

    That of a movie that may be any version is the newest one of the shot that its name begins with, in the sequence of
    the task or else its project, of the task with the same name if that has one. Other names are left out.
    """
    versions = session.query(f"{_SELECT} where id in ({feedback.listed(['', *shown.values()])})").all()
    known = {each["id"]: each for each in versions}
    shots = feedback.listed({"", *map(_shot_of, shown)})
    assets = feedback.listed(["", *{each["asset_id"] for each in versions}])
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


def _newest_of_shot(task: models.Task, shot: str, versions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
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
        except errors.UserFixableError as error:
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
        raise errors.UserFixableError(f"{task.shot_name} has no neighbour in its sequence with a version.")
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
