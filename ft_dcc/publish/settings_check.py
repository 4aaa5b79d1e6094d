"""The validation of the settings whose values depend on this machine: folders, encoder and colours."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ft_dcc.errors import SettingInvalid
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.media import ColourOptions, encoders, ocio
from ft_dcc.settings.resolve import Settings

_COLOURS = ("ocio", "colour_space", "display", "view")


def check_settings(settings: Settings) -> None:
    """Raise SettingInvalid, which says where the value stands, for what this machine does not have."""
    # Without a folder of plugins a studio's checks would not run, and a movie would have other fonts, another encoder
    # or other colours than the studio wants.
    for name, what in (("plugins", "folder"), ("fonts", "file or folder")):
        for path in map(Path, settings.items(name)):
            if not (path.is_dir() or (name == "fonts" and path.exists())):
                raise _invalid(settings, name, f"there is no {what} {path}. Mount it, or remove it from the setting.")
    encoder = settings.require("encoder")
    if encoder in {each.name for each in encoders.HARDWARE}:
        with temporary_folder() as folder:
            reasons = encoders.choose(folder)[1]
        if reasons:
            raise _invalid(settings, "encoder", f"{reasons.rstrip('.')}. Write auto for the best one of each machine.")
    changed = [name for name in _COLOURS if settings.values[name].origin != "default"]
    if changed:
        check_colour(ColourOptions.of_settings(settings), ", ".join(settings.values[name].origin for name in changed))


def check_colour(colour: ColourOptions, origin: str) -> None:
    """Raise SettingInvalid for a config, colour space, display or view that does not exist."""
    if importlib.util.find_spec("OpenImageIO") is None:
        # Needed for OpenEXR and for named colour spaces only, which the check of a source reports.
        return
    try:
        ocio.Converter(colour)
    except SettingInvalid as error:
        raise SettingInvalid(f"{origin}: {error}") from error


def _invalid(settings: Settings, name: str, reason: str) -> SettingInvalid:
    return SettingInvalid(f"{settings.values[name].origin}: {name}: {reason}")
