"""The table of the options of a publish.

An option is declared once, as a field of ``PublishOptions``. The option of the command line, the column of a batch,
the setting with its variable, the value that a request takes from it, and the fields of dialogs and panels follow.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Callable

import attrs

from ft_dcc import errors
from ft_dcc.frames import FrameRange, Resolution, frame_rate
from ft_dcc.settings.setting import Setting, check_aspect_ratio, one_of, rule, switch

ASSET_FIELDS = ("task", "shot", "source")
REVIEW_FIELDS = ("date", "project", "shot", "task")
BURNIN_FIELDS = (
    *("project", "shot", "task", "asset", "version", "source", "artist", "date", "comment", "lens"),
    *("frame", "timecode", "range", "fps", "resolution"),
)
BURNIN_POSITIONS = ("top_left", "top", "top_right", "bottom_left", "bottom", "bottom_right")
# The texts of a request with ``burnin=True``.
STANDARD_BURNIN = {
    "top left": "{project}  {shot}  {task}",
    "top right": "{date}",
    "bottom left": "{version}",
    "bottom": "{lens}",
    "bottom right": "{frame}",
}
# Outputs that can be made in addition to the review movie.
OUTPUTS = ("720", "1080", "1440", "2160", "prores", "contact-sheet")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")


def check_burnin_template(text: str) -> None:
    """Raise SettingInvalid for a burn-in template with an unknown ``{field}``."""
    unknown = [name for name in re.findall(r"\{(\w*)\}", text) if name not in BURNIN_FIELDS]
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], BURNIN_FIELDS, 1)
        hint = f"Did you mean {{{nearest[0]}}}?" if nearest else f"Known fields: {', '.join(BURNIN_FIELDS)}."
        raise errors.SettingInvalid(f"{text!r} contains the unknown field {{{unknown[0]}}}. {hint}")


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
    has_column: bool = True

    @property
    def column(self) -> str:
        """The name of its column in the manifest of a batch."""
        return self.flag.replace("-", "_")

    def parse(self, value: Any) -> Any:
        """Return the value of a cell of a table; raise SettingInvalid for an invalid one."""
        if self.kind is TEXTS:
            parts = value if isinstance(value, (list, tuple)) else str(value).split(";")
            return tuple(str(part).strip() for part in parts if str(part).strip())
        if self.kind is SWITCH:
            text = str(value).strip().lower()
            if text not in (*_TRUE, *_FALSE):
                raise errors.SettingInvalid(f"{value!r} is not true or false.")
            return text in _TRUE
        return self.kind.convert(str(value))


def option(kind: Kind, help: str, metavar: str | None = None, **values: Any) -> dict[str, Option]:
    """Return the metadata of a field that is an option with these values."""
    return {"option": Option(kind, help, metavar, **values)}


def strip_surrogates(text: str) -> str:
    r"""Return the text without surrogates, which no server accepts.

    Bytes that the locale could not decode, in a file's name or on a command line, are decoded as UTF-8.

    >>> strip_surrogates("Stra\udcc3\udc9fe"), strip_surrogates("\ud83d?")
    ('Straße', '??')
    """
    raw = re.compile("[\udc80-\udcff]+")
    decoded = raw.sub(lambda found: found[0].encode("ascii", "surrogateescape").decode("utf-8", "replace"), text)
    return decoded.encode("utf-8", "replace").decode("utf-8")


def _texts(value: str | Iterable[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _optional_texts(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Convert one or more texts; None means "as the settings say", an empty text means none."""
    return None if value is None else tuple(strip_surrogates(text) for text in _texts(value) if text)


def _lines(value: str | Iterable[str] | bool | None) -> tuple[str, ...] | bool | None:
    return value if isinstance(value, bool) else _optional_texts(value)


def _burnin(value: Mapping[str, str] | bool | None) -> Mapping[str, str] | None:
    if isinstance(value, bool):
        return STANDARD_BURNIN if value else {}
    return value


@attrs.frozen
class PublishOptions:
    """The options of a publish; those that are None have the settings' values.

    ``task`` is an id or a path, by default the scene's task, or the setting's.
    """

    task: str | None = attrs.field(
        metadata=option(
            NAME,
            "Task id, or PROJECT/SEQUENCE/SHOT/TASK (default: FT_DCC_TASK).",
            "ID_OR_PATH",
            setting=Setting(
                "task",
                "task to publish to: its id or path",
                environment=("FT_DCC_TASK", "FTRACK_TASKID", "FTRACK_CONTEXTID"),
            ),
            setting_for=FILES,
        )
    )
    # One or more cameras, sequences (sh010.%04d.png), movies or images; by default the scene's own camera.
    source: tuple[str, ...] = attrs.field(default=None, converter=_texts)
    # A review session that does not exist is created.
    review: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=_optional_texts,
        metadata=option(
            TEXTS,
            "Review session: id, name, or a rule such as 'Dailies {date}'; created if missing; may be repeated.",
            "NAME",
            off="Add to no review session; overrides the settings.",
            setting=Setting(
                "review",
                "rules for the names of review sessions, with `{date}`, `{project}`, `{shot}` and `{task}`",
                default_label="no review session",
                check=rule(*REVIEW_FIELDS),
                separator="\n",
            ),
        ),
    )
    comment: str = attrs.field(
        default="", converter=strip_surrogates, metadata=option(TEXT, "Comment of the version.", "TEXT")
    )
    note: str = attrs.field(
        default="", converter=strip_surrogates, metadata=option(TEXT, "Note for the reviewers.", "TEXT")
    )
    label: str | None = attrs.field(default=None, metadata=option(NAME, "Label of the note.", "NAME"))
    status: str | None = attrs.field(
        default=None,
        metadata=option(
            NAME,
            "Status of the version.",
            "NAME",
            label="Status",
            setting=Setting("status", "status of a new version", default_label="set by the server"),
        ),
    )
    task_status: str | None = attrs.field(
        default=None,
        metadata=option(
            NAME,
            "Status of the task after the publish.",
            "NAME",
            has_column=False,
            setting=Setting("task_status", "status of the task after a publish", default_label="unchanged"),
        ),
    )
    addresses: tuple[str, ...] = attrs.field(
        default=(),
        converter=_texts,
        metadata=option(TEXTS, "Note that this version answers, by id; may be repeated.", "NOTE", has_column=False),
    )
    asset: str | None = attrs.field(
        default=None,
        metadata=option(
            NAME,
            "Rule for the asset's name, such as '{shot} {task}', or an asset's id.",
            "RULE_OR_ID",
            setting=Setting(
                "asset_name",
                "rule for an asset's name, with `{task}`, `{shot}` and `{source}`",
                default_label="`{task}`, or `{task} {source}` for several sources",
                check=rule(*ASSET_FIELDS),
            ),
        ),
    )
    asset_type: str | None = attrs.field(
        default=None,
        metadata=option(
            NAME,
            "Short name of the type of a new asset.",
            "SHORT",
            setting=Setting(
                "asset_type",
                "short name of the type of a new asset",
                default_label="`playblast` for a camera, `upload` for files",
            ),
        ),
    )
    uses: tuple[str, ...] = attrs.field(
        default=(),
        converter=_texts,
        metadata=option(TEXTS, "Version that this one was made from; may be repeated.", "VERSION_ID", has_column=False),
    )
    notify: bool | None = attrs.field(
        default=None,
        metadata=option(
            SWITCH,
            "Send an event-hub notification.",
            has_column=False,
            setting=switch("notify", "whether to send an event-hub notification after a publish"),
        ),
    )
    # Lines, the title first; True has those of the settings.
    slate: tuple[str, ...] | bool | None = attrs.field(
        default=None,
        converter=_lines,
        metadata=option(
            SWITCH,
            "Add a slate.",
            has_column=False,
            label="Slate",
            needs_movie=True,
            setting=switch("slate", "whether to add a slate before the first frame"),
        ),
    )
    watermark: str | None = attrs.field(
        default=None,
        metadata=option(
            TEXT,
            "Text across the frames.",
            "TEXT",
            setting=Setting(
                "watermark", "text across each frame", default_label="nothing", check=check_burnin_template
            ),
        ),
    )
    letterbox: str | None = attrs.field(
        default=None,
        metadata=option(
            TEXT,
            "Aspect ratio of the visible area, such as 2.39; the rest is black.",
            "SHAPE",
            setting=Setting(
                "letterbox",
                "aspect ratio of the visible area, such as `2.39` or `16:9`; the rest is black",
                default_label="the whole frame",
                check=check_aspect_ratio,
            ),
        ),
    )
    fill_missing: bool | None = attrs.field(
        default=None,
        metadata=option(
            SWITCH,
            "Replace missing frames by the previous one, labelled.",
            setting=switch("fill_missing", "whether to replace missing frames by the previous one, labelled"),
        ),
    )
    # Files, each with the frame at which it starts ("music.wav@993"), by default the first.
    sounds: tuple[str, ...] = attrs.field(
        default=(),
        converter=_texts,
        metadata=option(
            TEXTS,
            "Sound file; starts at FRAME (default: first frame).",
            "FILE[@FRAME]",
            flag="sound",
            is_path=True,
            needs_movie=True,
        ),
    )
    # Templates by their place in the image ("top left"); True has the standard ones. Each place has a setting.
    burnin: Mapping[str, str] | None = attrs.field(
        default=None,
        converter=_burnin,
        metadata=option(
            SWITCH,
            "Texts in the corners of the image.",
            off="Add no burn-in text; overrides the settings.",
            has_flag=False,
            has_column=False,
            label="Burn-in",
        ),
    )
    outputs: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=_optional_texts,
        metadata=option(
            TEXTS,
            "Output in addition to the review movie; may be repeated.",
            flag="output",
            choices=OUTPUTS,
            label="Outputs",
            needs_movie=True,
            setting=Setting(
                "outputs",
                "outputs in addition to the review movie: `720`, `1080`, `1440` or `2160` lines, `prores`, "
                "`contact-sheet`",
                default_label="none",
                check=one_of(*OUTPUTS),
                separator=",",
            ),
        ),
    )
    # With the frame rate and the size, overrides the values of the shot.
    frame_range: FrameRange | None = attrs.field(
        default=None,
        metadata=option(
            FRAMES,
            "Frames, such as 1001-1048 (default: all found). 1001-1048+8 has 8 handle frames on either side, "
            "1001-1048+8+4 has 4 after the last frame; 1001-1048x2 has every second frame.",
            flag="frames",
            needs_movie=True,
        ),
    )
    fps: Fraction | None = attrs.field(default=None, metadata=option(RATE, "Frame rate: 24, 23.976 or 24000/1001."))
    resolution: Resolution | None = attrs.field(
        default=None, metadata=option(SIZE, "Size in pixels, such as 1920x1080.")
    )
    include_scene: bool | None = attrs.field(
        default=None,
        metadata=option(
            SWITCH,
            "Upload the scene file as a component of the version.",
            offered_for=SCENES,
            label="Scene file",
            setting=switch("include_scene", "whether a version contains the scene file that it was captured from"),
            setting_for=SCENES,
        ),
    )
    # Files that a scene needs may be missing.
    allow_incomplete: bool = attrs.field(
        default=False,
        metadata=option(SWITCH, "Publish although parts of the scene cannot be loaded.", offered_for=SCENES),
    )
    scene_sound: bool = attrs.field(
        default=True,
        metadata=option(
            SWITCH,
            "Whether the movie of a camera has the sound of its scene.",
            has_flag=False,
            has_column=False,
            offered_for=SCENES,
            label="Sound",
        ),
    )


def _with_flag(name: str, found: Option) -> Option:
    return found if found.flag else attrs.evolve(found, flag=name.replace("_", "-"))


# The options by the names of their fields, in the order in which the command line lists them.
OPTIONS: dict[str, Option] = {
    field.name: _with_flag(field.name, field.metadata["option"])
    for field in attrs.fields(PublishOptions)
    if "option" in field.metadata
}
# Options of existing files that are fields of ``ColourOptions``.
COLOUR_OPTIONS: dict[str, Option] = {
    name: _with_flag(name, found)
    for name, found in {
        "space": Option(
            NAME,
            "Colour space of the images, a name of the OCIO config, such as ACEScct for DPX (default: only OpenEXR is "
            "converted).",
            "NAME",
            flag="colour-space",
            setting=Setting(
                "colour_space",
                "colour space of OpenEXR frames; overrides the one in the files; `display` for frames that need no "
                "conversion",
                default_label="the one in the file, or linear light",
            ),
        ),
        "display": Option(
            NAME,
            "Display of the OCIO config (default: its first).",
            "NAME",
            setting=Setting("display", "display of the OCIO config", default_label="first display"),
        ),
        "view": Option(
            NAME,
            "View of the display (default: first view; with a built-in config, un-tone-mapped unless ACES or camera "
            "log).",
            "NAME",
            setting=Setting(
                "view",
                "view of that display",
                default_label="first view; with a built-in config, un-tone-mapped unless ACES or camera log",
            ),
        ),
        "layer": Option(NAME, "Layer of OpenEXR files, or a single channel such as Z (default: RGB).", "NAME"),
        "part": Option(NAME, "Part of OpenEXR files, by name or number from 0.", "NAME"),
        "stereo_view": Option(NAME, "View of stereo OpenEXR files, such as left.", "NAME"),
    }.items()
}


def for_form(*, in_host: bool) -> dict[str, Option]:
    """Return the options that have a field in dialogs and panels, by the names of the request's fields.

    A switch has three states: None (as the settings say), True and False.
    """
    return {name: each for name, each in OPTIONS.items() if each.label and (in_host or each.offered_for != SCENES)}
