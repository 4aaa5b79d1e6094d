"""Resolve the value of each setting from arguments, environment and files, with its origin, in the scope of a task."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.errors import SettingInvalid, nearest_hint
from ft_dcc.settings import definitions, publish_options, sections, toml_file
from ft_dcc.settings.setting import Setting

_BY_NAME = {setting.name: setting for setting in definitions.SETTINGS}
# The setting that names those which later files, the environment and options cannot change.
LOCKED = "locked"
# How a file says what becomes of the values of a list that earlier files gave; a plain list replaces them.
_ADD, _REPLACE = "add", "replace"


@attrs.frozen
class Scope:
    """The project of a task, and the place of a scene or a source.

    The project's file is the nearest one in ``folder`` or above it; without a folder it is that of the working
    directory. ``text`` is the TOML that the server keeps for the project of the name ``project``.
    """

    folder: Path | None = None
    project: str = ""
    text: str = ""


_current: ContextVar[Scope | None] = ContextVar("ft_dcc_settings", default=None)


def current_scope() -> Scope:
    """Return the scope of this thread; a new thread has that of its creator only in a copy of its context."""
    return _current.get() or Scope()


@contextmanager
def applied(scope: Scope) -> Iterator[None]:
    """Let this thread read the settings of the scope."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


@attrs.frozen
class Value:
    """The value of a setting and its origin; the repr does not contain secrets."""

    setting: Setting
    text: str | None
    origin: str

    def __repr__(self) -> str:
        return f"Value({self.setting.name}={self.display_text!r}, origin={self.origin!r})"

    @property
    def display_text(self) -> str:
        """The value as it may be printed; a secret is shown as "set"."""
        if self.text is None:
            return "not set"
        return "set" if self.setting.is_secret else self.text.replace("\n", ", ")


@attrs.frozen
class Settings:
    """The values of all settings, the entries of the sections, and where each locked name is locked."""

    values: dict[str, Value]
    entries: dict[str, dict[str, sections.Entry]] = attrs.field(
        factory=lambda: {name: {} for name in sections.SECTIONS}
    )
    locks: dict[str, str] = attrs.field(factory=dict)

    def get(self, name: str) -> str | None:
        """Return the value of a setting, or None if it is not set."""
        return self.values[name].text

    def items(self, name: str) -> tuple[str, ...]:
        """Return the values of a setting that takes several; an empty tuple if it is not set."""
        value = self.values[name]
        return tuple(part for part in (value.text or "").split(value.setting.separator) if part)

    def require(self, name: str) -> str:
        """Return the value of a setting; raise SettingInvalid, which names its variable, if it is not set."""
        value = self.values[name]
        if value.text is None:
            raise SettingInvalid(f"{value.setting.environment[0]} is not set.")
        return value.text

    def section(self, name: str) -> dict[str, Any]:
        """Return the contents of the entries of a section by their names."""
        return {key: entry.content for key, entry in self.entries[name].items()}

    def refuse_unknown_outputs(self, names: Iterable[str], where: str) -> None:
        """Raise SettingInvalid for an output that neither ft-dcc nor the section ``outputs`` has."""
        known = (*publish_options.OUTPUTS, *self.entries["outputs"])
        for name in names:
            if name not in known:
                hint = nearest_hint(name, known, 0.6, "")
                raise SettingInvalid(f"{where}: outputs: {name!r} is not one of {', '.join(known)}. {hint}".rstrip())

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, value and origin of all settings and entries, as they are shown."""
        for name, value in self.values.items():
            default = value.setting.default_label.replace("`", "")
            text = value.display_text if value.text is not None else default or value.display_text
            yield name, text, self._origin(name, value.origin)
        for section, entries in self.entries.items():
            for name, entry in entries.items():
                yield f"{section}.{name}", entry.text, self._origin(section, entry.origin)

    def _origin(self, name: str, origin: str) -> str:
        return f"{origin}; locked" if name in self.locks else origin

    def refuse_locked(self, name: str, where: str) -> None:
        """Raise SettingInvalid for a name that is locked; ``where`` is the place that would change it."""
        if name in self.locks:
            raise SettingInvalid(f"{where}: {name} is locked by {self.locks[name]}. Remove it here, or ask the studio.")

    def _add_file(self, file: toml_file.SettingsFile) -> None:
        locked = {}
        for name, content in file.content.items():
            if name == LOCKED:
                locked = _locks_in(file, content)
                continue
            self.refuse_locked(name, file.where(name))
            if isinstance(content, dict) and name in sections.SECTIONS:
                listed = {key: each for key, each in content.items() if name in _BY_NAME and key in (_ADD, _REPLACE)}
                for key in [each for each in content if each not in listed]:
                    where = file.where(key, name)
                    text = sections.check_entry(name, key, content[key], where)
                    self.entries[name][key] = sections.Entry(content[key], text, f"{file.layer}: {where}", where)
                content = listed
            if content or not isinstance(content, dict):
                self.values[name] = _value_in(file, name, content, self.values.get(name))
        # A file can set what it locks.
        self.locks.update(locked)

    def _change(self, value: Value, where: str) -> None:
        self.refuse_locked(value.setting.name, where)
        self.values[value.setting.name] = value


def read_settings(
    arguments: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    scope: Scope | None = None,
) -> Settings:
    """Return all settings, by precedence: arguments, environment, files, defaults.

    The files are those of the user, of the project, of the project on the server, and of the studio. The project is
    that of the ``scope``, by default the one of this thread; ``folder`` is a scope without a project on the server.
    Raises SettingInvalid for an unknown name, an invalid value or a change of a locked one, with its file and line.
    """
    environ = os.environ if environ is None else environ
    scope = scope or (current_scope() if folder is None else Scope(folder))
    settings = Settings({each.name: Value(each, each.default, "default") for each in definitions.SETTINGS})
    for file in _files(environ, scope):
        settings._add_file(file)
    for setting in definitions.SETTINGS:
        variable = next((name for name in setting.environment if environ.get(name)), None)
        # Shells unset a variable for a single command by making it empty.
        if variable is not None:
            origin = f"environment {variable}"
            settings._change(validated(setting, environ[variable], origin), origin)
    for name, argument in (arguments or {}).items():
        if argument is not None:
            settings._change(validated(_find_setting(name, "The argument"), argument, "argument"), "The argument")
    settings.refuse_unknown_outputs(settings.items("outputs"), settings.values["outputs"].origin)
    return settings


def check_server_text(project: str, text: str, *, with_studio: bool = True) -> None:
    """Raise SettingInvalid, with the line, for a text that cannot be the settings of a project on the server.

    With the studio's file of this machine, the text cannot change what that locks.
    """
    settings = Settings({each.name: Value(each, each.default, "default") for each in definitions.SETTINGS})
    studio = (
        next((file for file in _files(os.environ, Scope()) if file.layer == "studio"), None) if with_studio else None
    )
    for file in filter(None, (studio, toml_file.server_file(project, text))):
        settings._add_file(file)
    settings.refuse_unknown_outputs(settings.items("outputs"), settings.values["outputs"].origin)


def source_of(name: str) -> str:
    """Return what a person changes for another value: the setting in the file that sets it, or its variable."""
    value = read_settings().values[name]
    kind, _, where = value.origin.partition(" ")
    if kind == "environment":
        return where
    return value.setting.environment[0] if value.origin in ("default", "argument") else f"{name} in {where}"


def _files(environ: Mapping[str, str], scope: Scope) -> Iterator[toml_file.SettingsFile]:
    """Yield the existing files in ascending precedence."""
    studio = Path(platformdirs.site_config_dir("ft-dcc", appauthor=False)) / toml_file.NAME
    user = Path(platformdirs.user_config_dir("ft-dcc", appauthor=False)) / toml_file.NAME
    project = toml_file.find_file((scope.folder or Path.cwd()).absolute())
    if project in (studio, user):
        project = None
    for layer, default in (("studio", studio), ("project", project), ("user", user)):
        if layer == "project" and scope.text:
            yield toml_file.server_file(scope.project, scope.text)
        explicit = environ.get(f"FT_DCC_{layer.upper()}_SETTINGS")
        path = Path(explicit) if explicit else default
        file = None if path is None else toml_file.read_file(layer, path, is_explicit=bool(explicit))
        if file is not None:
            yield file


def _locks_in(file: toml_file.SettingsFile, content: Any) -> dict[str, str]:
    """Return where each name that the file locks is locked."""
    where = file.where(LOCKED)
    if not isinstance(content, list) or file.layer == "user":
        reason = (
            "is for files of the studio and of projects" if isinstance(content, list) else "takes an array of names"
        )
        raise SettingInvalid(f"{where}: {LOCKED} {reason}.")
    for name in content:
        if name not in sections.SECTIONS:
            _find_setting(str(name), where)
    return dict.fromkeys(content, where)


def _value_in(file: toml_file.SettingsFile, name: str, content: Any, before: Value | None) -> Value:
    where = file.where(name)
    if isinstance(content, dict) and name not in _BY_NAME:
        # A section such as [burnin] with top_left in it.
        meant = [each for inner in content for each in (f"{name}_{inner}", inner) if each in _BY_NAME]
        hint = f" Write {meant[0]} without a section." if meant else ""
        raise SettingInvalid(f"{where}: there is no setting or section called {name}.{hint}")
    if name in sections.SECTIONS and name not in _BY_NAME:
        raise SettingInvalid(f"{where}: {name} is a section. Write {sections.EXAMPLES[name]}.")
    setting = _find_setting(name, where)
    if setting.is_secret and file.layer != "user":
        raise SettingInvalid(f"{where}: put a key into the user's own file or into {setting.environment[0]}.")
    if setting.needs_trusted_file and file.layer in ("project", "server") and not file.is_explicit:
        remedy = "Set FT_DCC_PROJECT_SETTINGS to the file if you trust it."
        if file.layer == "server":
            remedy = "Write it into the studio's file."
        raise SettingInvalid(f"{where}: {name} is not allowed in {file.kind}. {remedy}")
    separator, adds = setting.separator, False
    if separator and isinstance(content, dict) and len(content) == 1 and set(content) <= {_ADD, _REPLACE}:
        ((how, content),) = content.items()
        adds = how == _ADD
    own = validated(setting, _text(setting, content, file, where), f"{file.layer}: {where}", where)
    if not separator or not adds or before is None or not before.text:
        return own
    texts = dict.fromkeys(part for value in (before, own) for part in (value.text or "").split(separator) if part)
    return attrs.evolve(own, text=separator.join(texts), origin=f"{own.origin}, added to {before.origin}")


def _text(setting: Setting, content: Any, file: toml_file.SettingsFile, where: str) -> str:
    """Return the value of a file as the text that an environment variable would contain."""
    if isinstance(content, bool) and setting.is_boolean:
        return str(content).lower()
    if type(content) in (int, float) and setting.is_number:
        return str(content)
    parts = content if isinstance(content, list) and setting.separator else [content]
    for part in parts:
        if not isinstance(part, str):
            expected = "a string or an array of strings" if setting.separator else "a string"
            kinds: dict[type, str] = {list: "an array", dict: "a section"}
            found = kinds.get(type(part), f"{str(part).lower()} without quotation marks")
            raise SettingInvalid(
                f"{where}: {setting.name} takes {'true or false' if setting.is_boolean else expected}, not {found}."
            )
    if setting.is_path:
        parts = [part if "://" in part else file.absolute(part, where) for part in parts]
    return (setting.separator or "").join(parts)


def _find_setting(name: str, where: str) -> Setting:
    if name in _BY_NAME:
        return _BY_NAME[name]
    hint = nearest_hint(name, _BY_NAME, 0.5, f"Known settings: {', '.join(_BY_NAME)}.")
    raise SettingInvalid(f"{where}: there is no setting called {name}. {hint}")


def _absolute(setting: Setting, part: str) -> str:
    """Return a path that another process with another working folder understands; names without a folder stay."""
    is_name = not os.path.dirname(part) and setting.name not in ("fonts", "jobs", "local_studio", "plugins")  # noqa: PTH120
    # Not resolve(): a studio's paths may contain links on purpose.
    return part if not part or "://" in part or is_name else os.path.abspath(part)  # noqa: PTH100


def validated(setting: Setting, text: str, origin: str, where: str = "") -> Value:
    """Return the value with absolute paths; raise SettingInvalid, which names where it stands, if it is invalid."""
    parts = text.split(setting.separator) if setting.separator else [text]
    if setting.is_path:
        parts = [_absolute(setting, part) for part in parts]
    try:
        for part in parts:
            if setting.check is not None and part:
                setting.check(part)
    except SettingInvalid as error:
        raise SettingInvalid(f"{where or origin}: {setting.name}: {error}") from error
    return Value(setting, (setting.separator or "").join(parts), origin)
