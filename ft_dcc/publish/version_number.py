"""The number of a version: the server's next one, or that in the name of the scene or file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from ft_dcc.errors import UserFixableError
from ft_dcc.files.placing import TargetTaken
from ft_dcc.publish import encode_source, slots, version_files, work_files
from ft_dcc.publish.pipeline.pyblish_adapter import EXTRACTOR, REVIEW, VALIDATOR, Instance, InstancePlugin, RerunFrom
from ft_dcc.publish.plugins import collect
from ft_dcc.session import Session
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings.resolve import read_settings

FROM_FILE = "file"


class ValidateVersionNumber(InstancePlugin):
    """Check the number that the name of the scene or file has."""

    order = VALIDATOR
    label = "Version number"
    families: ClassVar[list[str]] = [REVIEW]
    repair_label = "Use the next number"

    def process(self, instance: Instance) -> None:
        """Set VERSION; raise UserFixableError for a name without a number, and for a number that is taken."""
        if slots.REQUEST.get(instance.context).version_from != FROM_FILE:
            return
        name = _file_name(instance)
        number = number_in(name) if slots.VERSION.find(instance) is None else slots.VERSION.get(instance)
        if number is None:
            raise UserFixableError(
                f"{name} has no version number, such as v012 (setting version_pattern). Save it under a name with one.",
                option="version_from server",
            )
        asset = slots.ASSET.get(instance)
        if is_taken(slots.SESSION.get(instance.context), asset.id, number):
            raise UserFixableError(
                f"Version {number} of {asset.name} exists already. The next number is "
                f"{next_number(instance)}: save {name} under it."
            )
        slots.VERSION.set(instance, number)

    def can_repair(self, instance: Instance) -> bool:
        """Return whether the name has a number."""
        return number_in(_file_name(instance)) is not None

    def repair(self, instance: Instance) -> None:
        """Use the next number, also in the name of the scene."""
        renumber(instance)


class ValidatePaths(InstancePlugin):
    """Check that the files of the version can be written to their paths, and replace no other file."""

    order = VALIDATOR
    label = "Files on disk"
    families: ClassVar[list[str]] = [REVIEW]
    repair_label = "Publish as the next version that is free"

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError, SettingInvalid or StorageError."""
        slots.ASSET.get(instance)
        can_renumber = _can_renumber(instance)
        try:
            version_files.check_targets(instance, _planned, can_renumber=can_renumber)
        except TargetTaken:
            targets = version_files.plan(instance, _planned(instance))
            if not can_renumber or targets == slots.TARGETS.get(instance):
                raise
            # Another publish has finished since the number was read.
            slots.TARGETS.set(instance, targets)
            self.process(instance)

    def can_repair(self, instance: Instance) -> bool:
        """Return whether the paths are valid and contain the number."""
        return (
            version_files.needs_number(slots.REQUEST.get(instance.context)) and slots.TARGETS.find(instance) is not None
        )

    def repair(self, instance: Instance) -> None:
        """Use the next number whose paths are free."""
        renumber(instance)


class NumberVersion(InstancePlugin):
    """Decide the version's number if it is burnt in or part of a path, and where its files will be."""

    order = EXTRACTOR
    label = "Version number"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set VERSION and TARGETS; RegisterVersion repeats the encode if another publish takes the number."""
        number = _planned(instance)
        if number is not None and _can_renumber(instance):
            number = version_files.next_free_number(instance, number)
        if number is not None:
            slots.VERSION.set(instance, number)
        slots.TARGETS.set(instance, version_files.plan(instance, number))


def next_number(instance: Instance) -> int:
    """Return the number of the instance's version, after those that this publish makes of the same asset before it."""
    session, asset_id = slots.SESSION.get(instance.context), slots.ASSET.get(instance).id
    earlier = [other for other in instance.context if slots.ASSET.find(other) == slots.ASSET.get(instance)]
    waiting = [other for other in earlier[: earlier.index(instance)] if slots.REGISTERED.find(other) is None]
    return newest_number(session, asset_id) + len(waiting) + 1


def newest_number(session: Session, asset_id: str) -> int:
    """Return the number of the asset's newest version, 0 if it has none."""
    expression = f"select version from AssetVersion where asset_id is {quoted(asset_id)} order by version desc"
    found = session.query(expression).first()
    return 0 if found is None else int(found["version"])


def is_taken(session: Session, asset_id: str, number: int) -> bool:
    """Return whether the asset has a version of this number."""
    conditions = f"asset_id is {quoted(asset_id)} and version is {number}"
    return session.query(f"select id from AssetVersion where {conditions}").first() is not None


def number_in(path: str) -> int | None:
    """Return the last number in the name of a file that the setting ``version_pattern`` finds, else in its folders.

    >>> number_in("/mnt/v003/sh010_anim_v012.ma"), number_in("/mnt/v003/sh010.%04d.exr"), number_in("sh010.ma")
    (12, 3, None)
    """
    pattern = read_settings().require("version_pattern")
    for part in reversed(re.split(r"[\\/]", path)):
        found = re.findall(pattern, part)
        if found:
            return int(found[-1])
    return None


def confirm(instance: Instance, since: type[InstancePlugin]) -> None:
    """Raise RerunFrom with another VERSION if the number is taken by now; UserFixableError if it is the file's."""
    number, asset = slots.VERSION.find(instance), slots.ASSET.get(instance)
    if number is None:
        return
    is_from_file = slots.REQUEST.get(instance.context).version_from == FROM_FILE
    is_free = not is_taken(slots.SESSION.get(instance.context), asset.id, number)
    if is_free and (is_from_file or number >= next_number(instance)):
        return
    if is_from_file:
        version_files.roll_back(instance)
        raise UserFixableError(
            f"Version {number} of {asset.name} was published by another user in the meantime. "
            "Save the scene under the next number, and publish it again."
        )
    renumber(instance)
    raise RerunFrom(f"Version {number} was published by another user in the meantime.", since=since)


def renumber(instance: Instance) -> None:
    """Set VERSION, and TARGETS if they were set, to the next free number; remove what the other one has on disk."""
    version_files.roll_back(instance)
    number = max(next_number(instance), (slots.VERSION.find(instance) or 0) + 1)
    number = version_files.next_free_number(instance, number)
    if slots.REQUEST.get(instance.context).version_from == FROM_FILE:
        number = _save_under(instance, number)
    slots.VERSION.set(instance, number)
    if slots.TARGETS.find(instance) is not None:
        slots.TARGETS.set(instance, version_files.plan(instance, number))


def _can_renumber(instance: Instance) -> bool:
    """Return whether the version may take another number for its paths before anything is captured."""
    request = slots.REQUEST.get(instance.context)
    return request.version_from != FROM_FILE and version_files.needs_number(request)


def _planned(instance: Instance) -> int | None:
    """Return the number of the version if it must be known before the server gives one."""
    request, chosen = slots.REQUEST.get(instance.context), slots.VERSION.find(instance)
    if chosen is not None or not (request.draws_field("version") or version_files.needs_number(request)):
        return chosen
    return next_number(instance)


def _file_name(instance: Instance) -> str:
    scene = slots.SCENE.find(instance.context)
    if scene is not None and scene.path is not None and encode_source.is_from_scene(instance):
        return scene.path.name
    rendered = slots.REQUEST.get(instance.context).rendered_from
    return str(rendered.get("file") or slots.SOURCE.get(instance).text)


def _save_under(instance: Instance, number: int) -> int:
    """Save the open scene under the first number from this one on that no file has, and return the number."""
    scene, host = slots.SCENE.find(instance.context), slots.HOST.find(instance.context)
    if scene is None or scene.path is None or host is None or not encode_source.is_from_scene(instance):
        return number
    path = scene.path
    number = work_files.save_new(host, lambda each: with_number(path, each), number)
    collect.CollectScene().process(instance.context)
    return number


def with_number(path: Path, number: int) -> Path:
    """Return the path of a file with another number in its name, with as many digits.

    >>> str(with_number(Path("sh010_anim_v012.ma"), 13))
    'sh010_anim_v013.ma'
    """
    found = list(re.finditer(read_settings().require("version_pattern"), path.name))
    if not found:
        return path.with_name(f"{path.stem}_v{number:03d}{path.suffix}")
    start, end = found[-1].span(1)
    return path.with_name(f"{path.name[:start]}{number:0{end - start}d}{path.name[end:]}")
