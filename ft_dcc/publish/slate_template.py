"""Read the lines, the logo and the images of the slate from the settings or from a template in TOML."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.media import SlateImages, slate
from ft_dcc.settings.resolve import Settings
from ft_dcc.settings.toml_file import parse_toml

_SETTING = "slate_template"
# The keys of a template with the type of their values.
_KEYS: dict[str, type] = {"title": str, "logo": str, "thumbnail": bool, "colour_bars": bool, "labels": dict}
_TYPE_NAMES = {str: "a text", bool: "true or false", dict: "a table of texts"}


@attrs.frozen
class Slate:
    """The templates of a slate's lines, the title first, and what it shows beside them."""

    lines: tuple[str, ...]
    images: SlateImages


def read_slate(settings: Settings) -> Slate:
    """Return the slate of the settings; raise SettingInvalid for an invalid template and a missing logo.

    Without a template it has the lines of the setting, a thumbnail and colour bars.
    """
    named = settings.get(_SETTING)
    template = _read(Path(named)) if named else {}
    images = SlateImages(template.get("thumbnail", True), template.get("colour_bars", True), template.get("logo"))
    if not named:
        return Slate(settings.items("slate_lines"), images)
    labels = (f"{label}: {text}" for label, text in template.get("labels", {}).items())
    return Slate((template.get("title", "{project}  {shot}"), *labels), images)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingInvalid(f"The slate template {path} is not UTF-8. Save the file as UTF-8.") from error
    except OSError as error:
        raise SettingInvalid(
            f"The slate template {path} cannot be read: {error.strerror or error}. Correct the setting {_SETTING}."
        ) from error
    template = dict(parse_toml(path, text))
    for key, value in template.items():
        _check(path, key, value)
    if "logo" in template:
        template["logo"] = _find_logo(path, template["logo"])
    return template


def _check(path: Path, key: str, value: object) -> None:
    """Raise SettingInvalid for an unknown key and for a value of another type."""
    if key not in _KEYS:
        near = difflib.get_close_matches(key, _KEYS, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(_KEYS)}."
        raise SettingInvalid(f"The slate template {path} has an unknown key, {key}. {hint}")
    if not isinstance(value, _KEYS[key]):
        raise SettingInvalid(f"{key} in the slate template {path} takes {_TYPE_NAMES[_KEYS[key]]}, not {value!r}.")
    if isinstance(value, dict):
        for label, text in value.items():
            if not isinstance(text, str) or slate.split_label(f"{label}: {text}")[0] != label or not label.strip():
                raise SettingInvalid(
                    f"The label {label!r} in the slate template {path} takes a text, and has up to 24 characters "
                    "without colon and braces."
                )


def _find_logo(path: Path, logo: str) -> str:
    """Return the absolute path of the logo, which lies relative to the template."""
    found = os.path.abspath(path.parent / os.path.expanduser(logo))  # noqa: PTH100, PTH111 - links are kept
    if Path(found).suffix.lower() not in slate.LOGO_SUFFIXES:
        raise SettingInvalid(f"The logo in the slate template {path} is {logo}. Use a PNG or JPEG file.")
    if not Path(found).is_file():
        raise SettingInvalid(f"The logo {found} in the slate template {path} does not exist. Correct its path.")
    return found
