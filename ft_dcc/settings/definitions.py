"""Definitions of all settings: name, meaning, environment variables, default and validation."""

from __future__ import annotations

import difflib
import os
import re
import string
from pathlib import Path
from typing import Callable

import attrs
import platformdirs

from ft_dcc import errors, frames
from ft_dcc.settings.server_url import check_server_url

Check = Callable[[str], None]


def _rule(*fields: str) -> Check:
    """Return a check for templates that may contain these ``{fields}``."""

    def check(text: str) -> None:
        try:
            parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
        except ValueError as error:
            raise errors.SettingInvalid(f"{text!r} is not a valid rule: {error}.") from error
        if any(name not in fields or form or conversion for _, name, form, conversion in parts):
            known = ", ".join(f"{{{field}}}" for field in fields)
            raise errors.SettingInvalid(f"{text!r} is not a valid rule. Use only {known}.")

    return check


def check_burnin_template(text: str) -> None:
    """Raise SettingInvalid for a burn-in template with an unknown ``{field}``."""
    unknown = [name for name in re.findall(r"\{(\w*)\}", text) if name not in BURNIN_FIELDS]
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], BURNIN_FIELDS, 1)
        hint = f"Did you mean {{{nearest[0]}}}?" if nearest else f"Known fields: {', '.join(BURNIN_FIELDS)}."
        raise errors.SettingInvalid(f"{text!r} contains the unknown field {{{unknown[0]}}}. {hint}")


def _one_of(*names: str) -> Check:
    """Return a check that accepts these values only."""

    def check(text: str) -> None:
        if text not in names:
            raise errors.SettingInvalid(f"{text!r} is not one of {', '.join(names)}.")

    return check


def _check_minutes(text: str) -> None:
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", text) or float(text) <= 0:
        raise errors.SettingInvalid(f"{text!r} is not a number of minutes. Write it as 30.")


def _check_threads(text: str) -> None:
    if not re.fullmatch(r"[1-9]\d{0,2}", text):
        raise errors.SettingInvalid(f"{text!r} is not a number of threads. Write it as 4.")


def _check_aspect_ratio(text: str) -> None:
    frames.aspect_ratio(text)


def _check_boolean(text: str) -> None:
    if text not in ("true", "false"):
        raise errors.SettingInvalid(f"{text!r} is not a boolean. Write true or false.")


def _check_look_preset(text: str) -> None:
    name, colon, options = (part.strip() for part in text.partition(":"))
    if not (name and colon and options) or "," in name or "=" in name:
        raise errors.SettingInvalid(f"{text!r} is not a preset. Write it as 'client: lit, samples=16'.")


@attrs.frozen
class Setting:
    """One setting; ``environment`` lists its variables in order of precedence.

    ``default_label`` describes a default that is not a fixed value. A setting with a ``separator`` takes several
    values: an array in a file, one separated string elsewhere. A setting that ``needs_trusted_file`` could send a key
    to another server or run code, so it is refused in an auto-discovered file.
    """

    name: str
    help: str
    environment: tuple[str, ...]
    default: str | None = None
    default_label: str = ""
    is_secret: bool = False
    needs_trusted_file: bool = False
    separator: str | None = None
    is_path: bool = False
    check: Check | None = None

    @property
    def is_boolean(self) -> bool:
        """Whether the setting is ``true`` or ``false``."""
        return self.check is _check_boolean

    @property
    def is_number(self) -> bool:
        """Whether a file may contain the value as a number."""
        return self.check in (_check_minutes, _check_aspect_ratio, _check_threads)


def _user_folder(name: str, help: str, variable: str, folder: str) -> Setting:
    """Return a setting for a folder, by default one in the user's data folder."""
    default = str(Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / folder)
    label = f"`{folder}` in the user's data folder"
    return Setting(name, help, (variable,), default, label, needs_trusted_file=True, is_path=True)


ASSET_FIELDS = ("task", "shot", "source")
REVIEW_FIELDS = ("date", "project", "shot", "task")
BURNIN_FIELDS = (
    *("project", "shot", "task", "asset", "version", "source", "artist", "date", "comment", "lens"),
    *("frame", "timecode", "range", "fps", "resolution"),
)
BURNIN_POSITIONS = ("top_left", "top", "top_right", "bottom_left", "bottom", "bottom_right")
# Outputs that can be made in addition to the review movie.
OUTPUTS = ("720", "1080", "1440", "2160", "prores", "contact-sheet")
ENCODERS = ("auto", "software", "nvenc", "qsv", "videotoolbox", "vaapi", "amf")
# The colour space of files that a program has converted for a display already.
DISPLAY_COLOURS = "display"
# The ranges of a Maya scene: the outer and the inner one of its time slider.
ANIMATION_RANGE, PLAYBACK_RANGE = "animation", "playback"
# How Maya captures: one playblast for each frame, or one for all of them.
FRAME_BY_FRAME, WHOLE_RANGE = "frames", "range"
# The view that Maya captures: a hidden one, or the active one of the artist.
OWN_VIEW, ARTISTS_VIEW = "own", "artist"
_SLATE = (
    "{project}  {shot}",
    *("Task: {task}", "Version: {version}", "Frames: {range}  at {fps} fps", "Resolution: {resolution}"),
    *("Artist: {artist}", "Date: {date}", "Comment: {comment}"),
)

SETTINGS = (
    Setting(
        "server",
        "address of the ftrack site or studio server",
        ("FTRACK_SERVER",),
        needs_trusted_file=True,
        check=check_server_url,
    ),
    Setting("user", "user name on the server", ("FTRACK_API_USER",), needs_trusted_file=True),
    Setting(
        "key", "API key of that user", ("FTRACK_API_KEY", "FTRACK_APIKEY"), is_secret=True, needs_trusted_file=True
    ),
    _user_folder("jobs", "folder of the publish jobs", "FT_DCC_JOBS", "jobs"),
    _user_folder(
        "renders",
        "folder of the render logs; on a farm, a folder that all machines share",
        "FT_DCC_RENDERS",
        "renders",
    ),
    _user_folder(
        "local_studio",
        "folder of the local studio, which is used when no server is set",
        "FT_DCC_LOCAL_STUDIO",
        "studio",
    ),
    Setting(
        "local_studio_idle",
        "minutes without a client after which the local studio stops",
        ("FT_DCC_LOCAL_STUDIO_IDLE",),
        "30",
        check=_check_minutes,
    ),
    Setting("ffmpeg", "path of the ffmpeg program", ("FT_DCC_FFMPEG",), needs_trusted_file=True, is_path=True),
    Setting(
        "maya",
        "path of the Maya that captures the scenes of `ft-dcc batch` and `ft-dcc playblast`",
        ("FT_DCC_MAYA",),
        default_label="the newest that is found",
        needs_trusted_file=True,
        is_path=True,
    ),
    Setting(
        "nuke",
        "path of the Nuke that captures the scripts of `ft-dcc batch` and `ft-dcc playblast`",
        ("FT_DCC_NUKE",),
        default_label="the newest that is found",
        needs_trusted_file=True,
        is_path=True,
    ),
    Setting(
        "scene_timeout",
        "minutes without progress after which a Maya or Nuke that captures a scene is stopped",
        ("FT_DCC_SCENE_TIMEOUT",),
        "30",
        check=_check_minutes,
    ),
    Setting(
        "encoder",
        "encoder of the movies: `auto`, `software`, `nvenc`, `qsv`, `videotoolbox`, `vaapi` or `amf`",
        ("FT_DCC_ENCODER",),
        "auto",
        check=_one_of(*ENCODERS),
    ),
    Setting(
        "encoder_threads",
        "threads of the software encoder; with the same number it makes the same bytes on every machine",
        ("FT_DCC_ENCODER_THREADS",),
        default_label="by the number of processors; 1 in a batch",
        check=_check_threads,
    ),
    Setting(
        "decoder_threads",
        "threads that read a sequence or a movie for an encode",
        ("FT_DCC_DECODER_THREADS",),
        default_label="by the number of processors, which the workers of a local batch share",
        check=_check_threads,
    ),
    Setting(
        "ocio",
        "OCIO config: a file, or a built-in config such as `ocio://cg-config-latest`",
        ("FT_DCC_OCIO", "OCIO"),
        default_label="`ocio://default`",
        is_path=True,
    ),
    Setting(
        "colour_space",
        "colour space of OpenEXR frames; overrides the one in the files; `display` for frames that need no conversion",
        ("FT_DCC_COLOUR_SPACE",),
        default_label="the one in the file, or linear light",
    ),
    Setting("display", "display of the OCIO config", ("FT_DCC_DISPLAY",), default_label="first display"),
    Setting(
        "view",
        "view of that display",
        ("FT_DCC_VIEW",),
        default_label="first view; with a built-in config, un-tone-mapped unless ACES or camera log",
    ),
    Setting("task", "task to publish to: its id or path", ("FT_DCC_TASK", "FTRACK_TASKID", "FTRACK_CONTEXTID")),
    Setting(
        "plugins",
        "folders of the studio's publish plugins",
        ("FT_DCC_PLUGINS",),
        needs_trusted_file=True,
        separator=os.pathsep,
        is_path=True,
    ),
    Setting(
        "asset_name",
        "rule for an asset's name, with `{task}`, `{shot}` and `{source}`",
        ("FT_DCC_ASSET_NAME",),
        default_label="`{task}`, or `{task} {source}` for several sources",
        check=_rule(*ASSET_FIELDS),
    ),
    Setting(
        "asset_type",
        "short name of the type of a new asset",
        ("FT_DCC_ASSET_TYPE",),
        default_label="`playblast` for a camera, `upload` for files",
    ),
    Setting(
        "review",
        "rules for the names of review sessions, with `{date}`, `{project}`, `{shot}` and `{task}`",
        ("FT_DCC_REVIEW",),
        default_label="no review session",
        separator="\n",
        check=_rule(*REVIEW_FIELDS),
    ),
    Setting("status", "status of a new version", ("FT_DCC_STATUS",), default_label="set by the server"),
    Setting("task_status", "status of the task after a publish", ("FT_DCC_TASK_STATUS",), default_label="unchanged"),
    *(
        Setting(
            f"burnin_{position}",
            f"text in the {position.replace('_', ' ')} of each frame",
            (f"FT_DCC_BURNIN_{position.upper()}",),
            default_label="nothing",
            check=check_burnin_template,
        )
        for position in BURNIN_POSITIONS
    ),
    Setting("slate", "whether to add a slate before the first frame", ("FT_DCC_SLATE",), "false", check=_check_boolean),
    Setting(
        "slate_lines",
        "lines of the slate; the first one is its title",
        ("FT_DCC_SLATE_LINES",),
        "\n".join(_SLATE),
        "project, shot, task, version, frames, resolution, artist, date and comment",
        separator="\n",
        check=check_burnin_template,
    ),
    Setting(
        "slate_template",
        "TOML file with the lines, the logo and the images of the slate, instead of `slate_lines`",
        ("FT_DCC_SLATE_TEMPLATE",),
        default_label="thumbnail and colour bars, no logo",
        is_path=True,
    ),
    Setting(
        "watermark",
        "text across each frame",
        ("FT_DCC_WATERMARK",),
        default_label="nothing",
        check=check_burnin_template,
    ),
    Setting(
        "fonts",
        "fonts, or folders of fonts, for writing systems that the built-in font does not have",
        ("FT_DCC_FONTS",),
        default_label="fonts of the system",
        separator=os.pathsep,
        is_path=True,
    ),
    Setting(
        "letterbox",
        "aspect ratio of the visible area, such as `2.39` or `16:9`; the rest is black",
        ("FT_DCC_LETTERBOX",),
        default_label="the whole frame",
        check=_check_aspect_ratio,
    ),
    Setting(
        "fill_missing",
        "whether to replace missing frames by the previous one, labelled",
        ("FT_DCC_FILL_MISSING",),
        "false",
        check=_check_boolean,
    ),
    Setting(
        "include_scene",
        "whether a version contains the scene file that it was captured from",
        ("FT_DCC_INCLUDE_SCENE",),
        "false",
        check=_check_boolean,
    ),
    Setting(
        "outputs",
        "outputs in addition to the review movie: `720`, `1080`, `1440` or `2160` lines, `prores`, `contact-sheet`",
        ("FT_DCC_OUTPUTS",),
        default_label="none",
        separator=",",
        check=_one_of(*OUTPUTS),
    ),
    Setting(
        "look",
        "look of a playblast in Maya: a preset, options, or both, such as `lit, samples=16`",
        ("FT_DCC_LOOK",),
        default_label="`textured`",
    ),
    Setting(
        "looks",
        "further presets of looks, such as `client: lit, samples=16`",
        ("FT_DCC_LOOKS",),
        default_label="those of the program",
        separator="\n",
        check=_check_look_preset,
    ),
    Setting(
        "maya_range",
        "frame range of a scene in Maya: `animation`, the outer range of the time slider, or `playback`, the inner one",
        ("FT_DCC_MAYA_RANGE",),
        ANIMATION_RANGE,
        check=_one_of(ANIMATION_RANGE, PLAYBACK_RANGE),
    ),
    Setting(
        "maya_capture",
        "how Maya captures: `frames`, one playblast for each frame, or `range`, one for all of them",
        ("FT_DCC_MAYA_CAPTURE",),
        FRAME_BY_FRAME,
        check=_one_of(FRAME_BY_FRAME, WHOLE_RANGE),
    ),
    Setting(
        "maya_view",
        "view that Maya captures: `own`, a hidden one of its own, or `artist`, the active view",
        ("FT_DCC_MAYA_VIEW",),
        OWN_VIEW,
        check=_one_of(OWN_VIEW, ARTISTS_VIEW),
    ),
    Setting(
        "tab_on_new_writes",
        "whether new Write nodes in Nuke get the tab that publishes their renders",
        ("FT_DCC_TAB_ON_NEW_WRITES",),
        "false",
        check=_check_boolean,
    ),
    Setting(
        "notify",
        "whether to send an event-hub notification after a publish",
        ("FT_DCC_NOTIFY",),
        "false",
        check=_check_boolean,
    ),
)
