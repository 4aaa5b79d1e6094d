"""The job of a publish: its request with the values of the settings, in a folder of its own."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ft_dcc.frames import aspect_ratio
from ft_dcc.host_support import looks
from ft_dcc.publish import models
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.slate_template import read_slate
from ft_dcc.settings import definitions, resolve

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
    rules = settings.items("review") if request.review is None else request.review
    corners = {place.replace("_", " "): settings.get(f"burnin_{place}") or "" for place in definitions.BURNIN_POSITIONS}
    letterbox = (settings.get("letterbox") or "") if request.letterbox is None else request.letterbox
    if letterbox:
        aspect_ratio(letterbox)
    slate, images = request.slate, request.slate_images
    is_drawn = settings.get("slate") == "true" if slate is None else bool(slate)
    if is_drawn and (slate is None or images is None):
        found = read_slate(settings)
        slate, images = found.lines if slate is None else slate, images or found.images
    fill_missing = settings.get("fill_missing") == "true" if request.fill_missing is None else request.fill_missing
    include_scene = request.include_scene
    if include_scene is None:
        include_scene = (in_host or bool(request.rendered_from)) and settings.get("include_scene") == "true"
    for template in (*(request.burnin or {}).values(), *(request.slate or ()), request.watermark or ""):
        definitions.check_burnin_template(template)
    return attrs.evolve(
        request,
        include_scene=include_scene,
        task=request.task or (None if in_host else settings.get("task")),
        review=tuple(map(_with_date, rules)),
        asset=request.asset or settings.get("asset_name"),
        asset_type=request.asset_type or settings.get("asset_type"),
        status=request.status or settings.get("status"),
        task_status=request.task_status or settings.get("task_status"),
        notify=settings.get("notify") == "true" if request.notify is None else request.notify,
        burnin={
            place: _with_date(text)
            for place, text in (corners if request.burnin is None else request.burnin).items()
            if text
        },
        slate=tuple(map(_with_date, slate or ())),
        slate_images=images,
        watermark=_with_date((settings.get("watermark") or "") if request.watermark is None else request.watermark),
        letterbox=letterbox,
        fill_missing=fill_missing,
        sounds=tuple(os.path.abspath(text) for text in request.sounds),  # noqa: PTH100 - as for the sources
        outputs=settings.items("outputs") if request.outputs is None else request.outputs,
    )


def _with_date(rule: str) -> str:
    """Replace ``{date}`` by the day of the request, however long the job then waits."""
    return rule.replace("{date}", f"{datetime.date.today()}")
