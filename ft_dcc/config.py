"""Every setting: its name, what it means, and where its value came from."""

from __future__ import annotations

import difflib
import os
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

import attrs
import platformdirs

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import aspect_ratio
from ft_dcc.settings_file import NAME, SettingsFile, find_file, read_file

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


@attrs.frozen
class Value:
    """What a setting is, and where that was said; ``text`` of a secret never shows in a repr."""

    setting: Setting
    text: str | None
    origin: str

    def __repr__(self) -> str:
        return f"Value({self.setting.name}={self.shown!r}, origin={self.origin!r})"

    @property
    def shown(self) -> str:
        """The value as it may be printed: a secret is only said to be there."""
        if self.text is None:
            return "not set"
        return "set" if self.setting.is_secret else self.text.replace("\n", ", ")


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
    Setting(
        "jobs",
        "folder that holds the publishes in progress",
        ("FT_DCC_JOBS",),
        str(Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / "jobs"),
        "`jobs` in the user's data folder",
        is_guarded=True,
        is_path=True,
    ),
    Setting(
        "renders",
        "folder of what programs say of their renders; one that all machines of a farm see joins their tasks",
        ("FT_DCC_RENDERS",),
        str(Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / "renders"),
        "`renders` in the user's data folder",
        is_guarded=True,
        is_path=True,
    ),
    Setting(
        "local_studio",
        "folder of the user's own studio, which is used where no server is set",
        ("FT_DCC_LOCAL_STUDIO",),
        str(Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / "studio"),
        "`studio` in the user's data folder",
        is_guarded=True,
        is_path=True,
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
        "OCIO config: a file, or the name of a built-in one",
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
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@attrs.frozen
class Settings:
    """All settings with their origins."""

    values: dict[str, Value]

    def get(self, name: str) -> str | None:
        """The value of a setting, or None where nobody set it."""
        return self.values[name].text

    def items(self, name: str) -> tuple[str, ...]:
        """The values of a setting that takes several; none where nobody set it."""
        value = self.values[name]
        return tuple(part for part in (value.text or "").split(value.setting.separator) if part)

    def need(self, name: str) -> str:
        """The value of a setting; raises SettingInvalid, naming its variable, where nobody set it."""
        value = self.values[name]
        if value.text is None:
            variable = value.setting.environment[0]
            raise SettingInvalid(f"The {value.setting.help} is not set. Set {variable}, or start one: ft-dcc serve.")
        return value.text


def read_settings(
    arguments: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return every setting: an argument wins over the environment, the user's, the project's and the studio's file.

    The project's file is the nearest ``ft_dcc.toml`` in ``folder``, by default the working directory, or above it.
    Raises SettingInvalid for a name that is not known and a value that cannot be used, and says where it stands.
    """
    given, environ = arguments or {}, os.environ if environ is None else environ
    values = {setting.name: _default(setting) for setting in SETTINGS}
    for file in _files(environ, folder):
        for name, content in file.content.items():
            values[name] = _from_file(file, name, content)
    for setting in SETTINGS:
        variable = next((name for name in setting.environment if environ.get(name)), None)
        # An empty variable is how a shell unsets one for a single command.
        if variable is not None:
            values[setting.name] = _checked(setting, environ[variable], f"environment {variable}")
    for name, argument in given.items():
        if argument is not None:
            values[name] = _checked(_known(name, "The argument"), argument, "argument")
    return Settings(values)


def _files(environ: Mapping[str, str], folder: Path | None) -> Iterator[SettingsFile]:
    """The files there are, the weakest first."""
    studio = Path(platformdirs.site_config_dir("ft-dcc", appauthor=False)) / NAME
    user = Path(platformdirs.user_config_dir("ft-dcc", appauthor=False)) / NAME
    project = find_file((folder or Path.cwd()).absolute())
    if project in (studio, user):
        project = None
    for layer, usual in (("studio", studio), ("project", project), ("user", user)):
        named = environ.get(f"FT_DCC_{layer.upper()}_SETTINGS")
        path = Path(named) if named else usual
        file = None if path is None else read_file(layer, path, is_named=bool(named))
        if file is not None:
            yield file


def _from_file(file: SettingsFile, name: str, content: Any) -> Value:
    where = file.where(name)
    if isinstance(content, dict) and name not in _BY_NAME:
        raise _no_section(name, content, where)
    setting = _known(name, where)
    if setting.is_secret and file.layer != "user":
        raise SettingInvalid(f"{where}: a key belongs into the user's own file, or into {setting.environment[0]}.")
    if setting.is_guarded and file.layer == "project" and not file.is_named:
        raise SettingInvalid(
            f"{where}: {name} may not be set by a file that was only found. "
            "Name the file in FT_DCC_PROJECT_SETTINGS if you trust it."
        )
    return _checked(setting, _text(setting, content, file, where), f"{file.layer}: {where}", where)


def _text(setting: Setting, content: Any, file: SettingsFile, where: str) -> str:
    """A file's value as the text that a variable would hold."""
    if isinstance(content, bool) and setting.check is _truth:
        return str(content).lower()
    if type(content) in (int, float) and setting.check in (_minutes, _shape):
        return str(content)
    parts = content if isinstance(content, list) and setting.separator else [content]
    for part in parts:
        if not isinstance(part, str):
            raise SettingInvalid(f"{where}: {setting.name} takes {_wanted(setting)}, not {_kind(part)}.")
    if setting.is_path:
        parts = [part if "://" in part else str(file.path.parent / Path(part).expanduser()) for part in parts]
    return (setting.separator or "").join(parts)


def _wanted(setting: Setting) -> str:
    if setting.check is _truth:
        return "true or false"
    return "a text, or an array of texts" if setting.separator else "a text"


def _kind(content: object) -> str:
    """What a file has instead, for a person."""
    if isinstance(content, (list, dict)):
        return "an array" if isinstance(content, list) else "a section"
    return f"{str(content).lower()} without quotation marks"


def _no_section(name: str, content: Mapping[str, Any], where: str) -> SettingInvalid:
    """A name may have been taken apart, as [burnin] and top_left; or somebody likes headings."""
    meant = [each for inner in content for each in (f"{name}_{inner}", inner) if each in _BY_NAME]
    hint = f" Write {meant[0]} without one." if meant else ""
    return SettingInvalid(f"{where}: there is no setting called {name}, nor any section.{hint}")


def _known(name: str, where: str) -> Setting:
    if name in _BY_NAME:
        return _BY_NAME[name]
    nearest = difflib.get_close_matches(name, _BY_NAME, 1, 0.5)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"There are {', '.join(_BY_NAME)}."
    raise SettingInvalid(f"{where}: there is no setting called {name}. {hint}")


def _checked(setting: Setting, text: str, origin: str, where: str = "") -> Value:
    value = Value(setting, text, origin)
    try:
        for part in text.split(setting.separator) if setting.separator else [text]:
            if setting.check is not None and part:
                setting.check(part)
    except SettingInvalid as error:
        raise SettingInvalid(f"{where or origin}: {setting.name}: {error}") from error
    return value


def _default(setting: Setting) -> Value:
    return Value(setting, setting.default, "default" if setting.default is not None else "nowhere")
