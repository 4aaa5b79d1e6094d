"""The job of a publish before its validation.

Its request gets the values of the settings and of the template of the slate. While the server is unreachable, its files
are checked and its cameras are captured.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import frames, media
from ft_dcc.errors import Error, ServerUnreachable, SettingInvalid, nearest_hint
from ft_dcc.host import Host
from ft_dcc.media import SlateImages, slate
from ft_dcc.production import project_settings
from ft_dcc.publish import models, progress, settings_check, slots
from ft_dcc.publish.jobs.job import Job, jobs_folder, last_studio_id
from ft_dcc.publish.pipeline.pyblish_adapter import Context
from ft_dcc.publish.plugins import collect, collect_sources, extract, validate, validate_media
from ft_dcc.session import Session
from ft_dcc.settings import fields, publish_options, resolve, toml_file

_TEMPLATE_SETTING = "slate_template"
# Options whose values a program can give, and that are checked like their settings.
_PATHS = ("movie_path", "latest_path", "frames_path")
_CHECKED = (*_PATHS, "source_files", "version_from", "review_metadata", "encode_by")
# The keys of a template of the slate with the type of their values.
_TEMPLATE_KEYS: dict[str, type] = {"title": str, "logo": str, "thumbnail": bool, "colour_bars": bool, "labels": dict}
_TYPE_NAMES = {str: "a text", bool: "true or false", dict: "a table of texts"}


def locate(
    request: models.PublishRequest, server_url: str, host: Host | None = None, session: Session | None = None
) -> tuple[models.PublishRequest, resolve.Scope]:
    """Return the request with its task and the folder of its settings, and the scope that they are.

    The folder is that of the scene, also of one that was rendered, or that of the first source if there is a project's
    file. The settings of the project on the server are the last known ones if it does not answer. Raises SettingInvalid
    for a task and a project.
    """
    if request.has_two_contexts:
        raise SettingInvalid("A version has a task or a project. Leave out --task or --project.")
    folder, task = request.settings_folder, request.context
    if host is not None and (folder is None or not task):
        # CollectScene reports a scene that cannot be read.
        with suppress(Error):
            scene = host.run_in_main_thread(host.scene)
            folder = folder or (None if scene.path is None else scene.path.parent)
            task = task or scene.task_id
    elif folder is None:
        folder = _folder_of_files(request)
    # The job outlives the working folder.
    folder = folder or Path.cwd()
    task = task or resolve.read_settings(folder=folder).get("task")
    try:
        found = project_settings.scope_of_task(session, server_url, task, folder)
    except ServerUnreachable:
        found = project_settings.scope_of_task(None, server_url, task, folder)
    return attrs.evolve(request, task=task, settings_folder=folder), found


def _folder_of_files(request: models.PublishRequest) -> Path | None:
    """Return the folder of the scene that was rendered, or that of the first source if its project has a file."""
    scene = request.rendered_from.get("file")
    if scene:
        return Path(scene).parent
    folders = (Path(os.path.abspath(text)).parent for text in request.source[:1])  # noqa: PTH100 - keeps links
    return next((folder for folder in folders if toml_file.find_file(folder) is not None), None)


def prepare(
    request: models.PublishRequest,
    server_url: str,
    host: Host | None = None,
    jobs: Path | None = None,
    job_id: str | None = None,
    session: Session | None = None,
    found: resolve.Scope | None = None,
) -> Job:
    """Return a new job for ``resume``, of the scope ``found`` by ``locate``; raise StorageError, SettingInvalid."""
    if found is None:
        request, found = locate(request, server_url, host, session)
    with resolve.applied(found):
        request = apply_settings(request, resolve.read_settings(), in_host=host is not None)
    if host is None:
        # The job outlives the working folder. Not resolve(): a studio's paths may contain links on purpose.
        request = attrs.evolve(request, source=tuple(os.path.abspath(text) for text in request.source))  # noqa: PTH100
    host_name = None if host is None else host.name
    folder, information = jobs_folder(jobs), {} if session is None else session.server_information
    # Without an answer of the server it is that of the last job. A site has none: no journal is read for that.
    studio_id = information.get("studio_id") if information else last_studio_id(folder, server_url)
    return Job.create(folder, request, server_url, host_name, job_id, studio_id)


def apply_settings(
    request: models.PublishRequest, settings: resolve.Settings, *, in_host: bool
) -> models.PublishRequest:
    """Return the request with the settings' values for all options that it leaves out; raise SettingInvalid."""
    everywhere, scenes, files = publish_options.ALL, publish_options.SCENES, publish_options.FILES
    applied = {everywhere, scenes if in_host or request.rendered_from else everywhere, everywhere if in_host else files}
    values = {
        name: _value(each, getattr(request, name), settings, applied) for name, each in publish_options.OPTIONS.items()
    }
    _refuse_locked(request, settings)
    if values["letterbox"]:
        frames.aspect_ratio(values["letterbox"])
    if values["burnin"] is None:
        places = publish_options.BURNIN_POSITIONS
        values["burnin"] = {place.replace("_", " "): settings.get(f"burnin_{place}") for place in places}
    lines, images = values["slate"], request.slate_images
    if lines and (images is None or lines is True):
        # True stands for the lines of the settings.
        own_lines, own_images = read_slate(settings)
        lines, images = own_lines if lines is True else lines, images or own_images
    values.update(slate=lines or (), slate_images=images)
    for template in (*values["burnin"].values(), *values["slate"], values["watermark"]):
        publish_options.check_burnin_template(template or "")
    values["burnin"] = {place: fields.with_date(text) for place, text in values["burnin"].items() if text}
    values["watermark"] = fields.with_date(values["watermark"])
    settings.refuse_unknown_outputs(values["outputs"], "The publish")
    known = settings.section("outputs")
    values["output_presets"] = {name: known[name] for name in values["outputs"] if name in known}
    for name in _CHECKED:
        setting = publish_options.OPTIONS[name].setting
        if values[name] and setting is not None and setting.check is not None:
            setting.check(values[name])
        values[name] = fields.with_date(values[name] or "")
    values["colour"] = _colour(request, settings)
    values["asset"] = fields.with_date(values["asset"] or "") or None
    for name in ("review", "lists", "slate"):
        values[name] = tuple(map(fields.with_date, values[name]))
    return attrs.evolve(request, **values)


def _colour(request: models.PublishRequest, settings: resolve.Settings) -> media.ColourOptions | None:
    """Return the colours of the request, those of the settings where it has none; raise SettingInvalid."""
    if request.colour is None or request.colour.config or request.rendered_from:
        # That of a render is checked with its files, so that it fails once.
        return request.colour
    colour = request.colour.completed(media.ColourOptions.of_settings(settings))
    if colour.space or any(text.lower().endswith(".exr") for text in request.source):
        settings_check.check_colour(colour, "The colours of the publish")
    return colour


def _value(option: publish_options.Option, value: Any, settings: resolve.Settings, applied: Collection[str]) -> Any:
    """Return the value of an option, from its setting if it is left out."""
    if option.is_path:
        # The job outlives the working folder. Not resolve(): a studio's paths may contain links on purpose.
        return tuple(os.path.abspath(text) for text in value)  # noqa: PTH100
    is_given = bool(value) if option.kind is publish_options.NAME else value is not None
    if option.setting is None:
        return value
    of_setting = _of_setting(option, option.setting.name, settings, applied)
    if is_given and value != of_setting:
        settings.refuse_locked(option.setting.name, f"The option {option.flag}")
    return value if is_given else of_setting


def _of_setting(option: publish_options.Option, name: str, settings: resolve.Settings, applied: Collection[str]) -> Any:
    is_switch = option.kind is publish_options.SWITCH
    if option.setting_for not in applied:
        return False if is_switch else None
    if option.kind is publish_options.TEXTS:
        return settings.items(name)
    text = settings.get(name)
    if is_switch:
        return text == "true"
    return text or "" if option.kind is publish_options.TEXT else text


def _refuse_locked(request: models.PublishRequest, settings: resolve.Settings) -> None:
    """Raise SettingInvalid for values of the request that replace several settings, if one of those is locked."""
    replaced: dict[str, Any] = {f"burnin_{place}": request.burnin for place in publish_options.BURNIN_POSITIONS}
    own_lines = request.slate if isinstance(request.slate, tuple) else None
    replaced.update(look=request.look, slate_lines=own_lines, slate_template=own_lines or request.slate_images)
    for name, option in publish_options.COLOUR_OPTIONS.items():
        if option.setting is not None and request.colour is not None:
            replaced[option.setting.name] = getattr(request.colour, name) or None
    for name, value in replaced.items():
        if value is not None and value != settings.get(name):
            settings.refuse_locked(name, "The request of the publish")


def read_slate(settings: resolve.Settings) -> tuple[tuple[str, ...], SlateImages]:
    """Return the templates of the slate's lines, the title first, and what it shows beside them.

    Without a template it has the lines of the setting, a thumbnail and colour bars. Raises SettingInvalid for an
    invalid template and a missing logo.
    """
    named = settings.get(_TEMPLATE_SETTING)
    if not named:
        return settings.items("slate_lines"), SlateImages(thumbnail=True, colour_bars=True)
    path = Path(named)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingInvalid(f"The slate template {path} is not UTF-8. Save the file as UTF-8.") from error
    except OSError as error:
        raise SettingInvalid(
            f"The slate template {path} cannot be read: {error.strerror or error}. "
            f"Correct the setting {_TEMPLATE_SETTING}."
        ) from error
    template = dict(toml_file.parse_toml(path, text))
    for key, value in template.items():
        _check_template(path, key, value)
    logo = None
    if "logo" in template:
        logo = os.path.abspath(path.parent / os.path.expanduser(template["logo"]))  # noqa: PTH100, PTH111 - keeps links
        if Path(logo).suffix.lower() not in slate.LOGO_SUFFIXES:
            raise SettingInvalid(
                f"The logo in the slate template {path} is {template['logo']}. Use a PNG or JPEG file."
            )
        if not Path(logo).is_file():
            raise SettingInvalid(f"The logo {logo} in the slate template {path} does not exist. Correct its path.")
    labels = (f"{label}: {text}" for label, text in template.get("labels", {}).items())
    images = SlateImages(template.get("thumbnail", True), template.get("colour_bars", True), logo)
    return (template.get("title", "{project}  {shot}"), *labels), images


def _check_template(path: Path, key: str, value: object) -> None:
    """Raise SettingInvalid for an unknown key and for a value of another type."""
    if key not in _TEMPLATE_KEYS:
        hint = nearest_hint(key, _TEMPLATE_KEYS)
        raise SettingInvalid(f"The slate template {path} has an unknown key, {key}. {hint}")
    kind = _TEMPLATE_KEYS[key]
    if not isinstance(value, kind):
        raise SettingInvalid(f"{key} in the slate template {path} takes {_TYPE_NAMES[kind]}, not {value!r}.")
    for label, text in value.items() if isinstance(value, dict) else ():
        if not isinstance(text, str) or slate.split_label(f"{label}: {text}")[0] != label or not label.strip():
            raise SettingInvalid(
                f"The label {label!r} in the slate template {path} takes a text, and has up to 24 characters "
                "without colon and braces."
            )


def capture_offline(job: Job, host: Host | None, reporter: progress.ProgressReporter) -> str:
    """Capture the cameras of a job that could not be validated, so that it can resume without its scene.

    Returns a sentence for the artist, or "" for a job that was validated or captured before, and for a job of files.
    The checks that need no server run first. If one of them or the capture fails, the job is removed and the error is
    raised.
    """
    if any("validation" in event or "captured" in event for event in job.journal.events()):
        return ""
    context, request, server = Context(), job.request(), job.journal.events()[0]["server"]
    slots.REQUEST.set(context, request)
    slots.JOB.set(context, job)
    slots.PROGRESS.set(context, reporter)
    try:
        with job.locked(), resolve.applied(locate(request, server, host)[1]):
            if host is None:
                collect_sources.CollectSources().process(context)
                for instance in context:
                    source = slots.SOURCE.get(instance)
                    if source.kind == "frames":
                        frames.find_frames(source.text, source.file_shift)
                    elif source.kind == "image":
                        collect_sources.CollectImage().process(instance)
                    else:
                        media.probe(Path(source.text), is_cancelled=reporter.cancel.is_set)
                return ""
            slots.HOST.set(context, host)
            job.journal.append({"captured": _capture(context, host)})
    except Error:
        job.remove()
        raise
    return f" The frames are captured: 'ft-dcc queue run' publishes the job {job.id} when the server is back."


def _capture(context: Context, host: Host) -> models.OfflineCapture:
    """Validate everything that needs no server, then capture all cameras."""
    collect.CollectScene().process(context)
    # Without the server the type of the task is not known.
    collect.CollectLook().process(context)
    collect_sources.CollectSources().process(context)
    instances = [instance for instance in context if slots.SOURCE.get(instance).kind == "camera"]
    for instance in instances:
        collect_sources.CollectCamera().process(instance)
        validate.ValidateCamera().process(instance)
        validate_media.ValidateSound().process(instance)
        validate.ValidateSceneFile().process(instance)
    validate.ValidateDisk().process(context)
    for instance in instances:
        extract.capture_camera(instance, host, live_encode=False)
    cameras = [
        models.CapturedCamera(
            slots.SOURCE.get(each).text, slots.FRAMES.get(each), slots.LENS.find(each) or {}, slots.ORIGIN.get(each)
        )
        for each in instances
    ]
    return models.OfflineCapture(slots.SCENE.get(context), tuple(map(slots.SOURCE.get, context)), tuple(cameras))
