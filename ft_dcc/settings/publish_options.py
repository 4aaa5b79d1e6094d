"""The table of the options of a publish.

An option is declared once, as a field of ``PublishOptions``. The option of the command line, the column of a batch,
the setting with its variable, the value that a request takes from it, and the fields of dialogs and panels follow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from operator import attrgetter
from typing import Any, Callable

import attrs

from ft_dcc import errors
from ft_dcc.frames import FrameRange, Resolution, aspect_ratio, frame_rate
from ft_dcc.settings import fields
from ft_dcc.settings.setting import Check, Setting, check_boolean, one_of

BURNIN_POSITIONS = ("top_left", "top", "top_right", "bottom_left", "bottom", "bottom_right")
# The texts of a request with ``burnin=True``.
STANDARD_BURNIN = {
    "top left": "{project}  {shot}  {task}",
    "top right": "{date}",
    "bottom left": "{version}",
    "bottom": "{lens}",
    "bottom right": "{frame}",
}
# Outputs that can be made in addition to the review movie of the source's size.
OUTPUTS = ("1080", "1440", "2160", "prores")
# What ``ftr_meta`` says: its frameIn is the first frame of the shot or 0, with width and height or without.
REVIEW_METADATA = ("frame-and-size", "frame", "zero-and-size", "zero")
# Who encodes the review movie.
ENCODE_BY_SITE = "site"
_FRAME = re.compile("-?[0-9]+")
# Of metadata, whose text also a site can store.
_MAX_KEY_LENGTH, _MAX_VALUE_LENGTH = 255, 65_535
_OWN_KEYS = ("ft_dcc", "ftr_meta")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")


# Checks of the templates of burn-ins, slate and watermark, of rules for names and paths.
check_burnin_template = fields.check_fields(fields.FRAME_FIELDS)
_check_task_rule = fields.check_fields(fields.TASK_FIELDS, is_rule=True)
_check_path_rule = fields.check_path_rule(fields.VERSION_FIELDS)


def check_output(text: str) -> None:
    """Raise SettingInvalid for a text that cannot be the name of an output; the names are known with all settings."""
    if not re.fullmatch(r"[\w-]+", text):
        raise errors.SettingInvalid(f"{text!r} is not the name of an output. Write {', '.join(OUTPUTS)}, or a preset.")


@attrs.frozen
class Kind:
    """The type of the values of an option; ``convert`` raises SettingInvalid for an invalid text."""

    name: str
    convert: Callable[[str], Any] = str


# The name of an entity: without one, that of the setting. An empty TEXT overrides the setting.
NAME, TEXT = Kind("name"), Kind("text")
TEXTS, SWITCH = Kind("texts"), Kind("switch")
FRAMES, RATE, SIZE = Kind("range", FrameRange.parse), Kind("rate", frame_rate), Kind("size", Resolution.parse)

# What an option is for: captures of an open scene, existing files, or both of them.
SCENES, FILES, ALL = "scenes", "files", "all"


@attrs.frozen
class Option:
    """How an option of a publish is offered.

    ``flag`` is its name on the command line, and that of its column with underscores; by default that of its field.
    ``off`` is the help of the option ``--no-…`` of one that is no switch. ``setting_for`` is what the setting applies
    to, and ``offered_for`` what the option itself is offered for. ``label`` is the caption of its field in dialogs and
    panels, "" for none. An option with ``needs_movie`` cannot be applied to a single image.
    """

    kind: Kind
    help: str
    metavar: str | None = None
    flag: str = ""
    off: str = ""
    setting: Setting | None = None
    setting_for: str = ALL
    offered_for: str = ALL
    choices: tuple[str, ...] = ()
    label: str = ""
    is_path: bool = False
    needs_movie: bool = False
    has_flag: bool = True
    # Checks several texts together.
    check_texts: Callable[[tuple[str, ...]], Any] = tuple
    has_column: bool = attrs.field(default=attrs.Factory(attrgetter("has_flag"), takes_self=True))

    @property
    def column(self) -> str:
        """The name of its column in the manifest of a batch."""
        return self.flag.replace("-", "_")

    def parse(self, value: Any) -> Any:
        """Return the value of a cell of a table; raise SettingInvalid for an invalid one."""
        if self.kind is TEXTS:
            parts = value if isinstance(value, (list, tuple)) else str(value).split(";")
            texts = tuple(str(part).strip() for part in parts if str(part).strip())
            self.check_texts(texts)
            return texts
        if self.kind is SWITCH:
            text = str(value).strip().lower()
            if text not in (*_TRUE, *_FALSE):
                raise errors.SettingInvalid(f"{value!r} is not true or false.")
            return text in _TRUE
        return self.kind.convert(str(value))


def _make_option(
    kind: Kind,
    help: str,
    metavar: str | None = None,
    *,
    setting: str = "",
    setting_name: str = "",
    setting_default: str | None = None,
    default_label: str = "",
    check: Check | None = None,
    separator: str | None = None,
    environment: tuple[str, ...] = (),
    **values: Any,
) -> Option:
    """Return an option; ``setting`` is the help of its setting, whose name is by default that of the field."""
    if kind is SWITCH:
        setting_default, check = "false", check_boolean
    found = Setting(setting_name, setting, setting_default, default_label, check, separator, environment=environment)
    return Option(kind, help, metavar, setting=found if setting else None, **values)


def option(
    kind: Kind, help: str, metavar: str | None = None, *, default: Any = None, converter: Any = None, **values: Any
) -> Any:
    """Return a field that is an option with these values; with None it has the value of its setting."""
    if kind is TEXTS:
        default, converter = (None, _optional_texts) if "setting" in values else ((), converter or _texts)
    metadata = {"option": _make_option(kind, help, metavar, **values)}
    return attrs.field(default=default, converter=converter, metadata=metadata)


def strip_surrogates(text: str) -> str:
    r"""Return the text without surrogates, which no server accepts.

    Bytes that the locale could not decode, in a file's name or on a command line, are decoded as UTF-8.

    >>> strip_surrogates("Stra\udcc3\udc9fe"), strip_surrogates("\ud83d?")
    ('Straße', '??')
    """
    raw = re.compile("[\udc80-\udcff]+")
    decoded = raw.sub(lambda found: found[0].encode("ascii", "surrogateescape").decode("utf-8", "replace"), text)
    return decoded.encode("utf-8", "replace").decode("utf-8")


def split_pairs(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of metadata that are written "key=value"; raise SettingInvalid for an invalid or second key.

    >>> split_pairs(["supervisor=Ida Berg", "take=3=b"])
    [('supervisor', 'Ida Berg'), ('take', '3=b')]
    """
    pairs: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        key, shown = key.strip(), repr(text if len(text) < 60 else f"{text[:60]}...")
        if not sign or not key:
            raise errors.SettingInvalid(f"{shown} is not metadata. Write it as key=value, such as supervisor=Ida.")
        if len(key) > _MAX_KEY_LENGTH or len(value) > _MAX_VALUE_LENGTH:
            limits = f"A key has at most {_MAX_KEY_LENGTH} characters, its value {_MAX_VALUE_LENGTH:,}."
            raise errors.SettingInvalid(f"The metadata {shown} is too long. {limits}")
        if key.startswith(_OWN_KEYS):
            raise errors.SettingInvalid(f"The metadata {key} belongs to ft-dcc and to players. Choose another key.")
        if key in pairs:
            raise errors.SettingInvalid(f"The metadata {key} is given twice. Give one value.")
        pairs[key] = value.strip()
    return list(pairs.items())


def _pairs(value: str | Iterable[str] | Mapping[str, Any] | None) -> tuple[str, ...]:
    given = [f"{key}={each}" for key, each in value.items()] if isinstance(value, Mapping) else _texts(value)
    return tuple(f"{key}={each}" for key, each in split_pairs(map(strip_surrogates, given)))


def _texts(value: str | Iterable[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _optional_texts(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Convert one or more texts; None means "as the settings say", an empty text means none."""
    return None if value is None else tuple(strip_surrogates(text) for text in _texts(value) if text)


def _frame_or_path(value: str | None) -> str | None:
    # The job outlives the working folder. Not resolve(): a studio's paths may contain links on purpose.
    return value if not value or _FRAME.fullmatch(value) else os.path.abspath(value)  # noqa: PTH100


def _lines(value: str | Iterable[str] | bool | None) -> tuple[str, ...] | bool | None:
    return value if isinstance(value, bool) else _optional_texts(value)


def _burnin(value: Mapping[str, str] | bool | None) -> Mapping[str, str] | None:
    if isinstance(value, bool):
        return STANDARD_BURNIN if value else {}
    return value


# Apart from its field, whose converter the type checker must see.
_REVIEW = _make_option(
    TEXTS,
    "Review session: id, name, or a rule such as 'Dailies {date}'; created if missing; may be repeated.",
    "NAME",
    off="Add to no review session; overrides the settings.",
    setting="rules for the names of review sessions, such as `{project} {date}`",
    default_label="no review session",
    check=_check_task_rule,
    separator="\n",
)
# A list that does not exist is created.
_LISTS = _make_option(
    TEXTS,
    "List of versions: id, name, or a rule such as 'Selects {date}'; created if missing; may be repeated.",
    "NAME",
    flag="list",
    off="Add to no list; overrides the settings.",
    label="Lists",
    setting="rules for the names of lists of versions, such as `Selects {date:%B}`",
    setting_name="list",
    default_label="no list",
    check=_check_task_rule,
    separator="\n",
)


@attrs.frozen
class PublishOptions:
    """The options of a publish; those that are None have the settings' values.

    ``task`` is an id or a path, by default the scene's task, or the setting's.
    """

    task: str | None = option(
        NAME,
        "Task id, or PROJECT/SEQUENCE/SHOT/TASK; a shot for a version without a task (default: FT_DCC_TASK).",
        "ID_OR_PATH",
        setting="task to publish to, or a shot or an asset for versions without a task: its id or path",
        environment=("FT_DCC_TASK", "FTRACK_TASKID", "FTRACK_CONTEXTID"),
        setting_for=FILES,
        default=attrs.NOTHING,
    )
    # One or more cameras, sequences (sh010.%04d.png), movies or images; by default the scene's own camera.
    source: tuple[str, ...] = attrs.field(default=None, converter=_texts)
    # A review session that does not exist is created.
    review: tuple[str, ...] | None = attrs.field(default=None, converter=_optional_texts, metadata={"option": _REVIEW})
    project: str | None = option(NAME, "Project of a version without a task or a shot, such as a reference.", "NAME")
    comment: str = option(TEXT, "Comment of the version.", "TEXT", default="", converter=strip_surrogates)
    note: str = option(TEXT, "Note for the reviewers.", "TEXT", default="", converter=strip_surrogates)
    label: str | None = option(NAME, "Label of the note.", "NAME")
    status: str | None = option(
        NAME,
        "Status of the version.",
        "NAME",
        label="Status",
        setting="status of a new version",
        default_label="set by the server",
    )
    task_status: str | None = option(
        NAME,
        "Status of the task after the publish.",
        "NAME",
        has_column=False,
        setting="status of the task after a publish",
        default_label="unchanged",
    )
    addresses: tuple[str, ...] = option(
        TEXTS, "Note that this version answers, by id; may be repeated.", "NOTE", has_column=False
    )
    asset: str | None = option(
        NAME,
        "Rule for the asset's name, such as '{shot} {task}', or an asset's id.",
        "RULE_OR_ID",
        setting="rule for an asset's name, such as `{shot} {task}`",
        setting_name="asset_name",
        default_label="`{task}`, or `{task} {source}` for several sources",
        check=fields.check_fields(fields.SOURCE_FIELDS, is_rule=True),
    )
    asset_type: str | None = option(
        NAME,
        "Short name of the type of a new asset.",
        "SHORT",
        setting="short name of the type of a new asset",
        default_label="`playblast` for a camera, `upload` for files",
    )
    uses: tuple[str, ...] = option(
        TEXTS, "Version that this one was made from; may be repeated.", "VERSION_ID", has_column=False
    )
    # Texts "key=value"; a mapping is converted.
    metadata: tuple[str, ...] = option(
        TEXTS,
        "Metadata of the version, or the value of its custom attribute with this key; may be repeated.",
        "KEY=VALUE",
        converter=_pairs,
        check_texts=split_pairs,
    )
    lists: tuple[str, ...] | None = attrs.field(default=None, converter=_optional_texts, metadata={"option": _LISTS})
    notify: bool | None = option(
        SWITCH,
        "Send an event-hub notification.",
        has_column=False,
        setting="whether to send an event-hub notification after a publish",
    )
    # Lines, the title first; True has those of the settings.
    slate: tuple[str, ...] | bool | None = option(
        SWITCH,
        "Add a slate.",
        has_column=False,
        label="Slate",
        needs_movie=True,
        setting="whether to add a slate before the first frame",
        converter=_lines,
    )
    watermark: str | None = option(
        TEXT,
        "Text across the frames.",
        "TEXT",
        setting="text across each frame",
        default_label="nothing",
        check=check_burnin_template,
    )
    letterbox: str | None = option(
        TEXT,
        "Aspect ratio of the visible area, such as 2.39; the rest is black.",
        "SHAPE",
        setting="aspect ratio of the visible area, such as `2.39` or `16:9`; the rest is black",
        default_label="the whole frame",
        check=aspect_ratio,
    )
    mark_handles: bool | None = option(
        SWITCH,
        "Label the frames in handles.",
        needs_movie=True,
        setting="whether frames in the handles of the shot or of `--frames` have a label",
    )
    fill_missing: bool | None = option(
        SWITCH,
        "Replace missing frames by the previous one, labelled.",
        setting="whether to replace missing frames by the previous one, labelled",
    )
    thumbnail: str | None = option(
        NAME,
        "Frame of the source, or image file, of the thumbnail (default: the middle frame).",
        "FRAME|FILE",
        converter=_frame_or_path,
    )
    # Files, each with the frame at which it starts ("music.wav@993"), by default the first.
    sounds: tuple[str, ...] = option(
        TEXTS,
        "Sound file; starts at FRAME (default: first frame).",
        "FILE[@FRAME]",
        flag="sound",
        is_path=True,
        needs_movie=True,
    )
    # Templates by their place in the image ("top left"); True has the standard ones. Each place has a setting.
    burnin: Mapping[str, str] | None = option(
        SWITCH,
        "Texts in the corners of the image.",
        off="Add no burn-in text; overrides the settings.",
        has_flag=False,
        label="Burn-in",
        converter=_burnin,
    )
    outputs: tuple[str, ...] | None = option(
        TEXTS,
        "Output in addition to the review movie; may be repeated.",
        "NAME",
        flag="output",
        choices=OUTPUTS,
        label="Outputs",
        needs_movie=True,
        setting="outputs in addition to the review movie: `1080`, `1440` or `2160` lines, `prores`, or "
        "presets of the section `outputs`",
        default_label="none",
        check=check_output,
        separator=",",
    )
    review_metadata: str | None = option(
        NAME,
        "What the metadata ftr_meta of review movies says.",
        has_flag=False,
        setting="what `ftr_meta`, which the player of a site reads, says: the shot's first frame or frame 0 first, "
        "with width and height or without: `frame-and-size`, `frame`, `zero-and-size`, `zero`",
        setting_default=REVIEW_METADATA[0],
        check=one_of(*REVIEW_METADATA),
    )
    encode_by: str | None = option(
        NAME,
        "Who encodes the review movie.",
        has_flag=False,
        setting="who encodes the review movie: `ft-dcc`, or `site`, which gets one movie and encodes it with its own "
        "sizes",
        setting_default="ft-dcc",
        check=one_of("ft-dcc", ENCODE_BY_SITE),
    )
    # With the frame rate and the size, overrides the values of the shot.
    frame_range: FrameRange | None = option(
        FRAMES,
        "Frames, such as 1001-1048 (default: all found). 1001-1048+8 has 8 handle frames on either side, "
        "1001-1048+8+4 has 4 after the last frame; 1001-1048x2 has every second frame.",
        flag="frames",
        needs_movie=True,
    )
    fps: Fraction | None = option(RATE, "Frame rate: 24, 23.976 or 24000/1001.")
    resolution: Resolution | None = option(SIZE, "Size in pixels, such as 1920x1080.")
    include_scene: bool | None = option(
        SWITCH,
        "Upload the scene file as a component of the version.",
        offered_for=SCENES,
        label="Scene file",
        setting="whether a version contains the scene file that it was captured from",
        setting_for=SCENES,
    )
    source_files: str | None = option(
        NAME,
        "Source files of the version: register them where they are, copy them to the studio's location, or none.",
        "register|copy|none",
        label="Source files",
        setting="what becomes of a version's source files: `register` records where they are, `copy` puts them into "
        "the studio's location, `none` does neither",
        setting_name="frames",
        setting_default="register",
        check=one_of("register", "copy", "none"),
    )
    location: str | None = option(
        NAME,
        "Location that takes copies of source files.",
        "NAME",
        has_column=False,
        setting="location that takes copies of source files",
        default_label="that of the storage scenario",
    )
    movie_path: str | None = option(
        TEXT,
        "Rule for a copy of the movie on disk, below a root.",
        "RULE",
        needs_movie=True,
        setting="rule for a copy of the movie on disk, such as `{project}/{shot}/{shot}_{task}_{version}.mp4`",
        default_label="no copy",
        check=_check_path_rule,
    )
    latest_path: str | None = option(
        TEXT,
        "Rule for a copy of the newest movie, under a name that stays.",
        "RULE",
        has_column=False,
        needs_movie=True,
        setting="rule for a copy of the newest movie, which each publish replaces",
        default_label="no copy",
        check=_check_path_rule,
    )
    frames_path: str | None = option(
        TEXT,
        "Rule for the captured frames on disk, below a root.",
        "RULE",
        offered_for=SCENES,
        setting="rule for the captured frames on disk, such as `{project}/{shot}/{version}/{shot}.####.png`",
        default_label="frames are not kept",
        check=_check_path_rule,
        setting_for=SCENES,
    )
    version_from: str | None = option(
        NAME,
        "Number of the version: the server's next one, or that in the name of the scene or file.",
        "server|file",
        setting="number of a version: `server` for its next one, `file` for that in the name of the scene or file",
        setting_default="server",
        check=one_of("server", "file"),
    )
    # Files that a scene needs may be missing.
    allow_incomplete: bool = option(
        SWITCH, "Publish although parts of the scene cannot be loaded.", offered_for=SCENES, default=False
    )
    scene_sound: bool = option(
        SWITCH,
        "Whether the movie of a camera has the sound of its scene.",
        has_flag=False,
        offered_for=SCENES,
        label="Sound",
        default=True,
    )

    @property
    def thumbnail_frame(self) -> int | None:
        """The frame that the thumbnail shows; None for the middle one, and for an image file."""
        return int(self.thumbnail) if self.thumbnail and _FRAME.fullmatch(self.thumbnail) else None


def _with_names(field: str, found: Option) -> Option:
    setting = found.setting and attrs.evolve(found.setting, name=found.setting.name or field)
    return attrs.evolve(found, flag=found.flag or field.replace("_", "-"), setting=setting)


# The options by the names of their fields, in the order in which the command line lists them.
OPTIONS: dict[str, Option] = {
    field.name: _with_names(field.name, field.metadata["option"])
    for field in attrs.fields(PublishOptions)
    if "option" in field.metadata
}
# Options of existing files that are fields of ``ColourOptions``.
COLOUR_OPTIONS: dict[str, Option] = {
    name: _with_names(name, found)
    for name, found in {
        "space": _make_option(
            NAME,
            "Colour space of the images, a name of the OCIO config, such as ACEScct for DPX (default: only OpenEXR is "
            "converted).",
            "NAME",
            flag="colour-space",
            setting="colour space of OpenEXR frames; overrides the one in the files; `display` for frames that need no "
            "conversion",
            setting_name="colour_space",
            default_label="the one in the file, or linear light",
        ),
        "display": _make_option(
            NAME,
            "Display of the OCIO config (default: its first).",
            "NAME",
            setting="display of the OCIO config",
            default_label="first display",
        ),
        "view": _make_option(
            NAME,
            "View of the display (default: first view; with a built-in config, un-tone-mapped unless ACES or camera "
            "log).",
            "NAME",
            setting="view of that display",
            default_label="first view; with a built-in config, un-tone-mapped unless ACES or camera log",
        ),
        "layer": _make_option(NAME, "Layer of OpenEXR files, or a single channel such as Z (default: RGB).", "NAME"),
        "part": _make_option(NAME, "Part of OpenEXR files, by name or number from 0.", "NAME"),
        "stereo_view": _make_option(NAME, "View of stereo OpenEXR files, such as left.", "NAME"),
    }.items()
}


def for_form(*, in_host: bool) -> dict[str, Option]:
    """Return the options with a field in dialogs, by name; a switch is None (as the settings say), True or False."""
    return {name: each for name, each in OPTIONS.items() if each.label and (in_host or each.offered_for != SCENES)}
