"""Every setting: its name, what it means, where it can be said, and what it is when nobody says it."""

from __future__ import annotations

import difflib
import os
import re
import string
from pathlib import Path
from typing import Callable

import attrs
import platformdirs

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import aspect_ratio

Check = Callable[[str], None]


def _rule(*fields: str) -> Check:
    """A text with ``{fields}`` of these names."""

    def check(text: str) -> None:
        try:
            parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
        except ValueError as error:
            raise SettingInvalid(f"{text!r} is no rule: {error}.") from error
        if any(name not in fields or form or conversion for _, name, form, conversion in parts):
            known = ", ".join(f"{{{field}}}" for field in fields)
            raise SettingInvalid(f"{text!r} is no rule: write it with {known}.")

    return check


def _template(text: str) -> None:
    """A text with ``{fields}`` that are drawn into a picture; braces around anything else are refused."""
    unknown = [name for name in re.findall(r"\{([^{}]*)\}", text) if name not in BURNIN_FIELDS]
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], BURNIN_FIELDS, 1)
        hint = f"Did you mean {{{nearest[0]}}}?" if nearest else f"There are {', '.join(BURNIN_FIELDS)}."
        raise SettingInvalid(f"{text!r} has a field {{{unknown[0]}}} that nobody knows. {hint}")


def _one_of(*names: str) -> Check:
    """One of these words."""

    def check(text: str) -> None:
        if text not in names:
            raise SettingInvalid(f"{text!r} is none of {', '.join(names)}.")

    return check


def _minutes(text: str) -> None:
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", text) or float(text) <= 0:
        raise SettingInvalid(f"{text!r} is no number of minutes. Write it as 30.")


def _shape(text: str) -> None:
    aspect_ratio(text)


def _truth(text: str) -> None:
    if text not in ("true", "false"):
        raise SettingInvalid(f"{text!r} is neither true nor false.")


def _address(text: str) -> None:
    if not text.startswith(("http://", "https://")):
        raise SettingInvalid(f"{text!r} is no address. Write it as https://studio.ftrackapp.com.")


@attrs.frozen
class Setting:
    """One thing that can be set; ``environment`` lists its variables, the first found wins.

    ``default_words`` stands for a default that differs from machine to machine, or that is no value. A setting with a
    ``separator`` takes several values: an array in a file, one text with the separator elsewhere. One that
    ``is_guarded`` could send a key or run code: a file that was only found has no say in it.
    """

    name: str
    help: str
    environment: tuple[str, ...]
    default: str | None = None
    default_words: str = ""
    is_secret: bool = False
    is_guarded: bool = False
    separator: str | None = None
    is_path: bool = False
    check: Check | None = None

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off: ``true`` or ``false``, in a file without quotation marks."""
        return self.check is _truth

    @property
    def is_number(self) -> bool:
        """Whether a file may say it as a number, without quotation marks as well."""
        return self.check in (_minutes, _shape)


def _own_folder(name: str, help: str, variable: str, folder: str) -> Setting:
    """A folder of the user's own: one below the user's data when nobody names another."""
    default = str(Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / folder)
    words = f"`{folder}` in the user's data folder"
    return Setting(name, help, (variable,), default, words, is_guarded=True, is_path=True)


ASSET_FIELDS = ("task", "shot", "source")
REVIEW_FIELDS = ("date", "project", "shot", "task")
BURNIN_FIELDS = (
    *("project", "shot", "task", "asset", "version", "source", "artist", "date", "comment", "lens"),
    *("frame", "timecode", "range", "fps", "resolution"),
)
BURNIN_PLACES = ("top_left", "top", "top_right", "bottom_left", "bottom", "bottom_right")
# What is made beside the review film, and why one would want it.
OUTPUTS = ("720", "1080", "1440", "2160", "prores", "contact-sheet")
ENCODERS = ("auto", "software", "nvenc", "qsv", "videotoolbox", "vaapi", "amf")
_SLATE = ("{project}  {shot}", "{task}  {version}", "{range}  {fps} fps  {resolution}", "{artist}  {date}", "{comment}")

SETTINGS = (
    Setting(
        "server", "address of the ftrack site or studio server", ("FTRACK_SERVER",), is_guarded=True, check=_address
    ),
    Setting("user", "user name on the server", ("FTRACK_API_USER",), is_guarded=True),
    Setting("key", "API key of that user", ("FTRACK_API_KEY", "FTRACK_APIKEY"), is_secret=True, is_guarded=True),
    _own_folder("jobs", "folder that holds the publishes in progress", "FT_DCC_JOBS", "jobs"),
    _own_folder(
        "renders",
        "folder of what programs say of their renders; one that all machines of a farm see joins their tasks",
        "FT_DCC_RENDERS",
        "renders",
    ),
    _own_folder(
        "local_studio",
        "folder of the user's own studio, which is used where no server is set",
        "FT_DCC_LOCAL_STUDIO",
        "studio",
    ),
    Setting(
        "local_studio_idle",
        "minutes without a client after which the user's own studio stops",
        ("FT_DCC_LOCAL_STUDIO_IDLE",),
        "30",
        check=_minutes,
    ),
    Setting("ffmpeg", "the ffmpeg to encode with", ("FT_DCC_FFMPEG",), is_guarded=True, is_path=True),
    Setting(
        "encoder",
        "what makes the films: `software`, `auto`, or `nvenc`, `qsv`, `videotoolbox`, `vaapi` or `amf` alone",
        ("FT_DCC_ENCODER",),
        "auto",
        check=_one_of(*ENCODERS),
    ),
    Setting(
        "ocio",
        "OCIO config: a file, or a built-in one as `ocio://cg-config-latest`",
        ("FT_DCC_OCIO", "OCIO"),
        default_words="`ocio://default`",
        is_path=True,
    ),
    Setting(
        "colour_space",
        "colour space of OpenEXR frames, whatever they say themselves",
        ("FT_DCC_COLOUR_SPACE",),
        default_words="what the file says; else linear light",
    ),
    Setting("display", "display of the OCIO config to show them on", ("FT_DCC_DISPLAY",), default_words="its first"),
    Setting(
        "view",
        "view of that display to show them through",
        ("FT_DCC_VIEW",),
        default_words="its first; only the sRGB curve for what is not ACES, in a built-in config",
    ),
    Setting("task", "task to publish to, its id or its path", ("FT_DCC_TASK", "FTRACK_TASKID", "FTRACK_CONTEXTID")),
    Setting(
        "plugins",
        "folders with the studio's publish plugins",
        ("FT_DCC_PLUGINS",),
        is_guarded=True,
        separator=os.pathsep,
        is_path=True,
    ),
    Setting(
        "asset_name",
        "rule for an asset's name, with `{task}`, `{shot}` and `{source}`",
        ("FT_DCC_ASSET_NAME",),
        default_words="`{task}`; `{task} {source}` for several sources",
        check=_rule(*ASSET_FIELDS),
    ),
    Setting(
        "asset_type",
        "short name of the type that a new asset gets",
        ("FT_DCC_ASSET_TYPE",),
        default_words="`playblast` for a camera, else `upload`",
    ),
    Setting(
        "review",
        "rule for the review sessions, with `{date}`, `{project}`, `{shot}` and `{task}`",
        ("FT_DCC_REVIEW",),
        default_words="no review session",
        separator="\n",
        check=_rule(*REVIEW_FIELDS),
    ),
    Setting("status", "status of a new version", ("FT_DCC_STATUS",), default_words="what the server gives it"),
    *(
        Setting(
            f"burnin_{place}",
            f"what is written into the {place.replace('_', ' ')} of each picture",
            (f"FT_DCC_BURNIN_{place.upper()}",),
            default_words="nothing",
            check=_template,
        )
        for place in BURNIN_PLACES
    ),
    Setting("slate", "whether a slate comes before the first frame", ("FT_DCC_SLATE",), "false", check=_truth),
    Setting(
        "slate_lines",
        "what the slate says, a text a line",
        ("FT_DCC_SLATE_LINES",),
        "\n".join(_SLATE),
        "project, shot, task, version, range, artist, date and comment",
        separator="\n",
        check=_template,
    ),
    Setting(
        "watermark", "what lies across each picture", ("FT_DCC_WATERMARK",), default_words="nothing", check=_template
    ),
    Setting(
        "letterbox",
        "shape of the picture, as `2.39` or `16:9`; black covers what lies outside of it",
        ("FT_DCC_LETTERBOX",),
        default_words="the whole picture",
        check=_shape,
    ),
    Setting(
        "fill_missing",
        "whether a missing frame shows the one before it, marked, and does not stop the publish",
        ("FT_DCC_FILL_MISSING",),
        "false",
        check=_truth,
    ),
    Setting(
        "outputs",
        "what is made beside the review film: `720`, `1080`, `1440` or `2160` lines, `prores`, `contact-sheet`",
        ("FT_DCC_OUTPUTS",),
        default_words="none",
        separator=",",
        check=_one_of(*OUTPUTS),
    ),
    Setting(
        "tab_on_new_writes",
        "whether a new Write node in Nuke has the tab that publishes its renders",
        ("FT_DCC_TAB_ON_NEW_WRITES",),
        "false",
        check=_truth,
    ),
    Setting("notify", "whether the event hub is told of a publish", ("FT_DCC_NOTIFY",), "false", check=_truth),
)
