"""Where the files of a version are on the studio's disk, planned before the capture."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid, StorageError, UserFixableError
from ft_dcc.files import checksum, placing, sequences
from ft_dcc.files.roots import SYSTEMS, Roots, this_system
from ft_dcc.production.versions import MAIN_COMPONENT, MOVIE_ON_DISK, SCENE_COMPONENT
from ft_dcc.publish import encode_source, models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import Instance
from ft_dcc.session import UNMANAGED_LOCATION_ID, Session
from ft_dcc.session.locations.location import Location
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings import fields

REGISTER, COPY = "register", "copy"


def needs_number(request: models.PublishRequest) -> bool:
    """Return whether paths of the version contain its number."""
    rules = (request.movie_path or "", request.frames_path or "")
    return request.source_files == COPY or any(fields.uses_field(rule, "version") for rule in rules)


def plan(instance: Instance, number: int | None) -> list[models.Target]:
    """Return the files of a version with this number; raise SettingInvalid, UserFixableError or StorageError."""
    request, source = slots.REQUEST.get(instance.context), slots.SOURCE.get(instance)
    targets = []
    if source.kind == "camera" and request.frames_path:
        targets.append(_by_rule(instance, request.frames_path, "frames_path", MAIN_COMPONENT, number))
    sources = {MAIN_COMPONENT: "" if source.kind == "camera" else source.text, SCENE_COMPONENT: _scene_file(instance)}
    for name, path in sources.items():
        if path and request.source_files == REGISTER:
            targets.append(models.Target(name, path, UNMANAGED_LOCATION_ID, path, is_copy=False))
        elif path and request.source_files == COPY:
            targets.append(_by_structure(instance, number, name, path))
    if request.movie_path and source.kind != "image":
        targets.append(_by_rule(instance, request.movie_path, "movie_path", MOVIE_ON_DISK, number))
    return targets


def check_targets(instance: Instance, number_of: Callable[[Instance], int | None], *, can_renumber: bool) -> None:
    """Raise UserFixableError or StorageError if a file of the version cannot be written, TargetTaken if it exists.

    ``number_of`` returns the number of a version of this publish. With ``can_renumber``, the version takes another
    number than that of a publish that is writing at the moment.
    """
    targets = _planned_copies(instance, number_of)
    has_number = needs_number(slots.REQUEST.get(instance.context))
    remedy = "Publish as another version." if has_number else "Add {version} to the rule, or move the file."
    # A source whose asset is unknown has a problem of its own.
    others = (each for each in instance.context if each is not instance and slots.ASSET.find(each) is not None)
    written = {
        target.path: other.name for other in (others if targets else ()) for target in _planned_copies(other, number_of)
    }
    for target in targets:
        if target.path in written:
            names = f"{instance.name} and {written[target.path]}"
            raise UserFixableError(f"{names} would both be written to {target.path}. Add {{source}} to the rule.")
        # In this order: another publish claims its files before it writes them.
        taken, claim = next(existing_files(target), None), placing.Claim.find(target.path)
        if claim is not None and claim.owner != slots.VERSION_ID.get(instance):
            if can_renumber:
                continue
            raise placing.TargetTaken(f"Another publish is writing {target.path}. {remedy}")
        if taken is not None:
            raise placing.TargetTaken(f"{taken} exists already, and is not written over. {remedy}")


def _planned_copies(instance: Instance, number_of: Callable[[Instance], int | None]) -> list[models.Target]:
    """Return the files that a version will write; each is planned once, however many sources there are."""
    targets = slots.TARGETS.find(instance)
    if targets is None:
        targets = plan(instance, number_of(instance))
        slots.TARGETS.set(instance, targets)
    return [target for target in targets if target.is_copy]


def next_free_number(instance: Instance, number: int) -> int:
    """Return the first number from this one on, whose paths are free; raise what ``plan`` raises."""
    for candidate in range(number, number + 10_000):
        if not any(
            target.is_copy and (any(existing_files(target)) or placing.Claim.find(target.path))
            for target in plan(instance, candidate)
        ):
            return candidate
    raise UserFixableError(f"The rule of {instance.name} leads to an existing file for every number. Add {{version}}.")


def existing_files(target: models.Target) -> Iterator[Path]:
    """Yield the files of a target that exist, the frames of a sequence in their order."""
    if sequences.is_sequence(target.path):
        for number in sorted(sequences.frame_sizes(target.path)):
            yield Path(sequences.frame_path(target.path, number))
    elif os.path.lexists(target.path):
        yield Path(target.path)


def members_of(instance: Instance, target: models.Target) -> list[tuple[str, Path, Path]]:
    """Return the name, the present file and the file on disk of each frame of a target, or one row for another file."""
    if target.name == MOVIE_ON_DISK:
        return [("", slots.MOVIE.get(instance).path, Path(target.path))]
    if target.name == SCENE_COMPONENT:
        # A registered file is read where it lies: the artist may have moved it since, which the reading reports.
        return [("", Path(_scene_file(instance) if target.is_copy else target.path), Path(target.path))]
    frames = slots.FRAMES.find(instance)
    if frames is None:
        return [("", Path(slots.SOURCE.get(instance).text), Path(target.path))]
    missing = frozenset(frames.missing())
    width = padding_of(target.path)
    # Registered files keep the numbers of their names; copies get those of the frames.
    shift = 0 if target.is_copy else frames.file_shift
    return [
        (f"{number + shift:0{width}d}", frames.path(number), Path(sequences.frame_path(target.path, number + shift)))
        for number in frames.frame_range.with_handles
        if number not in missing
    ]


def known_checksum(instance: Instance, target: models.Target) -> str | None:
    """Return the SHA-256 of the registered scene of a render, which was compared with it; None for other files."""
    rendered = slots.REQUEST.get(instance.context).rendered_from
    return rendered.get("sha256") if target.name == SCENE_COMPONENT and not target.is_copy else None


def padding_of(pattern: str) -> int:
    """Return the number of digits of the frame number in a pattern, 0 if they vary."""
    parts = sequences.split_frame_number(os.path.basename(pattern))  # noqa: PTH119 - a pattern
    return 0 if parts is None else parts[1]


def identifier_of(target: models.Target, member: str) -> str:
    """Return the identifier of a frame of a target, or of its only file."""
    folder, name = re.fullmatch(r"(.*[\\/])?(.*)", target.identifier, re.DOTALL).groups("")  # type: ignore[union-attr]
    parts = sequences.split_frame_number(name) if member else None
    return target.identifier if parts is None else f"{folder}{parts[0]}{member}{parts[2]}"


def latest_path(instance: Instance, number: int) -> Path | None:
    """Return the path of the newest movie under the name that stays; None without a rule for it."""
    rule = slots.REQUEST.get(instance.context).latest_path
    if not rule or slots.SOURCE.get(instance).kind == "image":
        return None
    return Path(_by_rule(instance, rule, "latest_path", MOVIE_ON_DISK, number).path)


def roll_back(instance: Instance) -> None:
    """Remove what this publish has written for the version, and nothing else; raise StorageError."""
    for target, claim in _own_claims(instance):
        claim.roll_back([*existing_files(target)])


def release(instance: Instance) -> None:
    """Give back the claims of the version's files, which stay; raise StorageError."""
    for _, claim in _own_claims(instance):
        claim.release()


def _own_claims(instance: Instance) -> Iterator[tuple[models.Target, placing.Claim]]:
    """Yield the targets that this publish is writing for the version, with its claims."""
    for target in slots.TARGETS.find(instance) or []:
        claim = placing.Claim.find(target.path) if target.is_copy else None
        if claim is not None and claim.owner == slots.VERSION_ID.get(instance):
            yield target, claim


def _by_rule(instance: Instance, rule: str, setting: str, name: str, number: int | None) -> models.Target:
    session = slots.SESSION.get(instance.context)
    values = encode_source.fields_of(instance, number)
    path = _with_suffix(path_of_rule(session.location_setups.roots, setting, rule, values), setting, name)
    scenario = session.location_setups.scenario
    relative = None if scenario is None else scenario.root.relative(path)
    if scenario is not None and relative is not None:
        return models.Target(name, path, scenario.location_id, relative, is_copy=True)
    return models.Target(name, path, UNMANAGED_LOCATION_ID, path, is_copy=True)


def path_of_rule(
    roots: Roots, setting: str, rule: str, values: Mapping[str, Any], otherwise: Path | None = None
) -> str:
    """Return the path of a rule on this machine, below the first root, or below ``otherwise`` if there is none.

    Raises SettingInvalid without both, UserFixableError for a value that no path has, and StorageError.
    """
    path = fields.fill_path(rule, values)
    if os.path.isabs(rule) or roots.find(rule) is not None:  # noqa: PTH117 - a rule
        path = roots.to_local(path)
    else:
        root = next((each.here for each in roots.roots if each.here is not None), otherwise)
        if root is None:
            remedy = f"Add a folder of {SYSTEMS[this_system()]} to the setting roots, or begin the rule with a folder."
            raise SettingInvalid(f"{setting} {rule!r} needs a root on this machine. {remedy}")
        path = str(root / path)
    _require_mounted(roots, path)
    return path


def _scene_file(instance: Instance) -> str:
    """Return the path of the saved scene that the version comes from, "" if it is not on disk as it was then."""
    scene, rendered = slots.SCENE.find(instance.context), slots.REQUEST.get(instance.context).rendered_from
    path: Path | None = None
    if rendered and not rendered.get("has_unsaved_changes"):
        path = Path(str(rendered.get("file") or ""))
    elif not rendered and scene is not None and encode_source.is_from_scene(instance) and not scene.is_modified:
        path = scene.path
    if path is None or not path.is_file():
        return ""
    is_current = slots.SCENE_IS_CURRENT.find(instance.context)
    if rendered and is_current is None:
        # The artist may have worked on since the render. A scene can be large: it is read once in a publish.
        is_current = checksum.sha256_of(path) == rendered.get("sha256")
        slots.SCENE_IS_CURRENT.set(instance.context, is_current)
    return "" if rendered and not is_current else str(path)


def _by_structure(instance: Instance, number: int | None, name: str, source: str) -> models.Target:
    """Return the path of a component in the studio's location, by the location's structure."""
    session, version_id = slots.SESSION.get(instance.context), slots.VERSION_ID.get(instance)
    location = _copy_location(session, slots.REQUEST.get(instance.context).location)
    is_frames = sequences.is_sequence(source)
    # The version does not exist yet, so the session gets the values that it will have on the server.
    asset = session.reconstruct("Asset", attrs.asdict(slots.ASSET.get(instance)))
    parent = session.query(f"select link from Context where id is {quoted(slots.TASK.get(instance.context).parent_id)}")
    link = [*parent.one()["link"], {"type": "AssetVersion", "id": version_id, "name": asset["name"]}]
    values = {"id": version_id, "asset": asset, "version": number or 1, "link": link}
    version = session.reconstruct("AssetVersion", values)
    component = session.reconstruct(
        "SequenceComponent" if is_frames else "FileComponent",
        {
            "id": models.derived_id(version_id, name),
            "name": name,
            "file_type": os.path.splitext(source)[1],  # noqa: PTH122 - a pattern
            "version": version,
            "version_id": version_id,
            "container": None,
            **({"padding": padding_of(source)} if is_frames else {}),
        },
    )
    identifier = location.structure.get_resource_identifier(component)
    path = location.open_accessor().get_filesystem_path(identifier)
    _require_mounted(session.location_setups.roots, path)
    return models.Target(name, path, location["id"], identifier, is_copy=True)


def _copy_location(session: Session, name: str | None) -> Location:
    """Return the location that a setting names, else that of the storage scenario; raise SettingInvalid."""
    from ft_dcc.session.locations.accessor import DiskAccessor

    found: Any = None
    if name:
        found = session.query(f"select name from Location where name is {quoted(name)}").first()
    elif session.location_setups.scenario is not None:
        found = session.get("Location", session.location_setups.scenario.location_id)
    if found is None or not found.structure or not isinstance(found.accessor, DiskAccessor) or not found.manages_data:
        what = f"The location {name}" if name else "The site's storage scenario"
        raise SettingInvalid(
            f"{what} cannot take copies on this machine: it needs a folder and a structure in this session. Set "
            "'location' to one that has both, or set 'frames' to register."
        )
    location: Location = found
    return location


def _require_mounted(roots: Roots, path: str) -> None:
    reason = roots.why_unreachable(path)
    if reason is not None:
        raise StorageError(f"{path} cannot be written: {reason}.")


def _with_suffix(path: str, setting: str, name: str) -> str:
    """Return the path with the suffix of the movie, or with a frame number and the suffix of captured frames."""
    stem, suffix = os.path.splitext(path)  # noqa: PTH122 - a pattern
    wanted = ".mp4" if name == MOVIE_ON_DISK else ".png"
    if suffix.lower() == wanted:
        path = stem
    elif re.fullmatch(r"\.(mov|mp4|mkv|avi|png|jpe?g|exr|tiff?|dpx|webm)", suffix.lower()):
        raise SettingInvalid(f"{setting} ends with {suffix}, and the files are {wanted}. Change the rule.")
    if name == MOVIE_ON_DISK:
        return path + wanted
    # The form that other programs read.
    folder, file = os.path.split(path)
    before, width, after = sequences.split_frame_number(file) or (f"{file}.", 4, "")
    return os.path.join(folder, f"{before}%0{width}d{after}{wanted}")  # noqa: PTH118 - a pattern
