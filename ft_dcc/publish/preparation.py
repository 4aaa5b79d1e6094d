"""The job of a publish: its request with the values of the settings, in a folder of its own."""

from __future__ import annotations

import datetime
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.frames import aspect_ratio
from ft_dcc.host_support import looks
from ft_dcc.media import SlateImages
from ft_dcc.publish import models
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.slate_template import read_slate
from ft_dcc.settings import resolve
from ft_dcc.settings.publish_options import (
    ALL,
    BURNIN_POSITIONS,
    FILES,
    NAME,
    OPTIONS,
    SCENES,
    SWITCH,
    TEXT,
    TEXTS,
    Option,
    check_burnin_template,
)

if TYPE_CHECKING:
    from ft_dcc.host import Host


def prepare(
    request: models.PublishRequest,
    server_url: str,
    host: Host | None = None,
    jobs: Path | None = None,
    job_id: str | None = None,
) -> Job:
    """Return a new job that ``resume`` starts when its server answers; raise StorageError."""
    settings = resolve.read_settings()
    request = apply_settings(request, settings, in_host=host is not None)
    if not request.look and settings.get("look"):
        # The first of the looks is that of the setting.
        request = attrs.evolve(request, look=next(iter(looks.find_looks(host, settings).values()), {}))
    if host is None:
        # The job outlives the working folder. Not resolve(): a studio's paths may contain links on purpose.
        request = attrs.evolve(request, source=tuple(os.path.abspath(text) for text in request.source))  # noqa: PTH100
    return Job.create(jobs_folder(jobs), request, server_url, None if host is None else host.name, job_id)


def apply_settings(
    request: models.PublishRequest, settings: resolve.Settings, *, in_host: bool
) -> models.PublishRequest:
    """Return the request with the settings' values for all options that it leaves out; raise SettingInvalid."""
    applied = {ALL, SCENES if in_host or request.rendered_from else ALL, ALL if in_host else FILES}
    values = {name: _value(each, getattr(request, name), settings, applied) for name, each in OPTIONS.items()}
    if values["letterbox"]:
        aspect_ratio(values["letterbox"])
    if values["burnin"] is None:
        values["burnin"] = {place.replace("_", " "): settings.get(f"burnin_{place}") for place in BURNIN_POSITIONS}
    values.update(_slate(values["slate"], request.slate_images, settings))
    for template in (*values["burnin"].values(), *values["slate"], values["watermark"]):
        check_burnin_template(template or "")
    values["burnin"] = {place: _with_date(text) for place, text in values["burnin"].items() if text}
    values["watermark"] = _with_date(values["watermark"])
    for name in ("review", "slate"):
        values[name] = tuple(map(_with_date, values[name]))
    return attrs.evolve(request, **values)


def _slate(lines: tuple[str, ...] | bool, images: SlateImages | None, settings: resolve.Settings) -> dict[str, Any]:
    """Return the lines of the slate and its images; True stands for the lines of the settings."""
    if not lines or (images is not None and lines is not True):
        return {"slate": lines or (), "slate_images": images}
    slate = read_slate(settings)
    return {"slate": slate.lines if lines is True else lines, "slate_images": images or slate.images}


def _value(option: Option, value: Any, settings: resolve.Settings, applied: Collection[str]) -> Any:
    """Return the value of an option, from its setting if it is left out."""
    if option.is_path:
        # The job outlives the working folder. Not resolve(): a studio's paths may contain links on purpose.
        return tuple(os.path.abspath(text) for text in value)  # noqa: PTH100
    is_given = bool(value) if option.kind is NAME else value is not None
    if option.setting is None or is_given:
        return value
    if option.setting_for not in applied:
        return False if option.kind is SWITCH else None
    if option.kind is SWITCH:
        return settings.get(option.setting.name) == "true"
    if option.kind is TEXTS:
        return settings.items(option.setting.name)
    text = settings.get(option.setting.name)
    return text or "" if option.kind is TEXT else text


def _with_date(rule: str) -> str:
    """Replace ``{date}`` by the day of the request, however long the job then waits."""
    return rule.replace("{date}", f"{datetime.date.today()}")
