"""The work files of a task: named by the setting ``work_file``, numbered on, and never written over."""

from __future__ import annotations

import glob
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
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
from ft_dcc.settings import fields, resolve, scope

# A number that no path contains.
_PROBE = 987_654_321


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
    with scope.applied(project_settings.scope_of_task(session, session.server_url, task_id, None)):
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
