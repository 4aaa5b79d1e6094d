"""Definitions of all settings but those of the options of a publish: name, meaning, default and validation."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from ft_dcc import errors
from ft_dcc.files.roots import parse_root
from ft_dcc.settings import fields, server_url
from ft_dcc.settings.publish_options import BURNIN_POSITIONS, COLOUR_OPTIONS, OPTIONS, check_burnin_template
from ft_dcc.settings.setting import Setting, check_minutes, check_threads, one_of, switch


def check_version_pattern(text: str) -> None:
    """Raise SettingInvalid for a text that is not a regular expression with one group."""
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise errors.SettingInvalid(f"{text!r} is not a regular expression: {error}.") from error
    if groups != 1:
        raise errors.SettingInvalid(f"{text!r} needs one group, that of the number, such as {VERSION_PATTERN}.")


def check_work_file(text: str) -> None:
    """Raise SettingInvalid for a text that is not a rule for a path with the number of a version."""
    fields.check_path_rule(_WORK_FILE_FIELDS)(text)
    if not fields.uses_field(text, "version") or fields.attribute_fields([text]):
        raise errors.SettingInvalid(f"{text!r} needs {{version}}, and no attributes such as {{shot.fstart}}.")


def _user_folder(name: str, help: str, folder: str) -> Setting:
    default = str(Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / folder)
    return Setting(name, help, default, f"`{folder}` in the user's data folder", needs_trusted_file=True, is_path=True)


# A v and digits, at the beginning or after a separator: sh010_anim_v012.ma.
VERSION_PATTERN = r"(?:^|[\W_])[vV](\d+)(?!\d)"
# Those that are known without a publish.
_WORK_FILE_FIELDS = tuple(name for name in (*fields.TASK_FIELDS, "version") if name != "artist")
# The colour space of files that a program has converted for a display already.
DISPLAY_COLOURS = "display"
# The ranges of a Maya scene: the outer and the inner one of its time slider.
ANIMATION_RANGE, PLAYBACK_RANGE = "animation", "playback"
_SLATE = (
    "{project}  {shot}",
    *("Task: {task}", "Version: {version}", "Frames: {range}  at {fps} fps", "Resolution: {resolution}"),
    *("Artist: {artist}", "Date: {date}", "Comment: {comment}"),
)

SETTINGS = (
    Setting(
        "server",
        "address of the ftrack site or studio server",
        environment=("FTRACK_SERVER",),
        needs_trusted_file=True,
        check=server_url.check_server_url,
    ),
    Setting("user", "user name on the server", environment=("FTRACK_API_USER",), needs_trusted_file=True),
    Setting(
        "key",
        "API key of that user",
        environment=("FTRACK_API_KEY", "FTRACK_APIKEY"),
        is_secret=True,
        needs_trusted_file=True,
    ),
    _user_folder("jobs", "folder of the publish jobs", "jobs"),
    _user_folder("renders", "folder of the render logs; on a farm, a folder that all machines share", "renders"),
    _user_folder("local_studio", "folder of the local studio, which is used when no server is set", "studio"),
    Setting(
        "local_studio_idle", "minutes without a client after which the local studio stops", "30", check=check_minutes
    ),
    Setting("ffmpeg", "path of the ffmpeg program", needs_trusted_file=True, is_path=True),
    *(
        Setting(
            title.lower(),
            f"path of the {title} that captures the {scenes} of `ft-dcc batch` and `ft-dcc playblast`",
            default_label="the newest that is found",
            needs_trusted_file=True,
            is_path=True,
        )
        for title, scenes in (("Maya", "scenes"), ("Nuke", "scripts"))
    ),
    Setting(
        "scene_timeout",
        "minutes without progress after which a Maya or Nuke that captures a scene is stopped",
        "30",
        check=check_minutes,
    ),
    Setting(
        "encoder",
        "encoder of the movies: `auto`, `software`, `nvenc`, `qsv`, `videotoolbox`, `vaapi` or `amf`",
        "auto",
        check=one_of("auto", "software", "nvenc", "qsv", "videotoolbox", "vaapi", "amf"),
    ),
    Setting(
        "encoder_threads",
        "threads of the software encoder; with the same number it makes the same bytes on every machine",
        default_label="by the number of processors; 1 in a batch",
        check=check_threads,
    ),
    Setting(
        "decoder_threads",
        "threads that read a sequence or a movie for an encode",
        default_label="by the number of processors, which the workers of a local batch share",
        check=check_threads,
    ),
    Setting(
        "ocio",
        "OCIO config: a file, or a built-in config such as `ocio://cg-config-latest`",
        environment=("FT_DCC_OCIO", "OCIO"),
        default_label="`ocio://default`",
        is_path=True,
    ),
    *(each.setting for each in (*COLOUR_OPTIONS.values(), *OPTIONS.values()) if each.setting is not None),
    Setting(
        "roots",
        "folders of the studio's storage by system, such as `show: linux=/mnt/show, macos=/Volumes/show, "
        "windows=P:\\show`; rules begin below the first one",
        default_label="the mount points of the storage scenario",
        separator="\n",
        check=parse_root,
    ),
    Setting(
        "version_pattern",
        "regular expression of the version's number in the name of a scene or file; its group is the number",
        VERSION_PATTERN,
        check=check_version_pattern,
    ),
    Setting(
        "work_file",
        "rule for the work files of a task; a name alone is in the task's folder below the first root or `~/ft-dcc`",
        "{shot}_{task}_v{version:03}",
        check=check_work_file,
    ),
    Setting(
        "plugins",
        "folders of the studio's publish plugins",
        needs_trusted_file=True,
        separator=os.pathsep,
        is_path=True,
    ),
    Setting(
        "pyblish_plugins",
        "publish plugins that run beside those of `plugins`: `own` for none, `all` for what others registered with "
        "pyblish",
        "own",
        check=one_of("own", "all"),
        needs_trusted_file=True,
    ),
    *(
        Setting(
            f"burnin_{position}",
            f"text in the {position.replace('_', ' ')} of each frame",
            default_label="nothing",
            check=check_burnin_template,
        )
        for position in BURNIN_POSITIONS
    ),
    Setting(
        "slate_lines",
        "lines of the slate; the first one is its title",
        "\n".join(_SLATE),
        "project, shot, task, version, frames, resolution, artist, date and comment",
        separator="\n",
        check=check_burnin_template,
    ),
    Setting(
        "slate_template",
        "TOML file with the lines, the logo and the images of the slate, instead of `slate_lines`",
        default_label="thumbnail and colour bars, no logo",
        is_path=True,
    ),
    Setting(
        "fonts",
        "fonts, or folders of fonts, for writing systems that the built-in font does not have",
        default_label="fonts of the system",
        separator=os.pathsep,
        is_path=True,
    ),
    Setting(
        "look",
        "look of a playblast in Maya and Blender: a preset, options, or both, such as `lit, samples=16`",
        default_label="`textured` in Maya, `solid` in Blender",
    ),
    Setting(
        "maya_range",
        "frame range of a scene in Maya: `animation`, the outer range of the time slider, or `playback`, the inner one",
        ANIMATION_RANGE,
        check=one_of(ANIMATION_RANGE, PLAYBACK_RANGE),
    ),
    switch("tab_on_new_writes", "whether new Write nodes in Nuke get the tab that publishes their renders"),
)

# The settings as the dialog shows them: in groups, with a label where the name is not readable.
GROUPS = {
    "Account": ("server", "user", "key"),
    "Version": ("task", "asset_name", "asset_type", "version_from", "status", "task_status", "include_scene"),
    "Review": ("review", "list", "notify", "encode_by", "review_metadata"),
    "Movie": ("outputs", "letterbox", "fill_missing", "encoder", "encoder_threads", "decoder_threads", "ffmpeg"),
    "Text in the image": (
        *("slate", "slate_lines", "slate_template", "watermark", "mark_handles"),
        *(f"burnin_{position}" for position in BURNIN_POSITIONS),
        "fonts",
    ),
    "Colour": ("ocio", "colour_space", "display", "view"),
    "Files and storage": (
        *("roots", "location", "frames", "movie_path", "latest_path", "frames_path", "work_file", "version_pattern"),
        *("jobs", "renders", "local_studio", "local_studio_idle"),
    ),
    "Programs and plugins": (
        *("look", "maya_range", "maya", "nuke", "scene_timeout", "tab_on_new_writes", "plugins", "pyblish_plugins"),
    ),
}
_LABELS = {
    "key": "API key",
    "version_from": "Version number from",
    "review": "Review sessions",
    "list": "Lists",
    "encode_by": "Encoded by",
    "ffmpeg": "Program ffmpeg",
    "ocio": "OCIO config",
    "frames": "Source files",
    "local_studio_idle": "Local studio stops after",
    "scene_timeout": "Capture stops without progress after",
    "tab_on_new_writes": "Tab on new Write nodes",
}


def label_of(setting: Setting) -> str:
    """Return the readable name of a setting, with its unit."""
    text = _LABELS.get(setting.name) or setting.name.replace("burnin", "burn-in").replace("_", " ")
    unit = f" ({setting.unit})" if setting.unit and setting.unit not in text else ""
    return text[0].upper() + text[1:] + unit
