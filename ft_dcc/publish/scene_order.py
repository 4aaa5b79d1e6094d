"""A publish that another process requests from a host program: its order, its progress and its answer.

The order is a file that ``ORDER`` names in the environment, stdout has marked lines of progress, the answer is a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from ft_dcc import errors
from ft_dcc.accounts.local_server import get_account
from ft_dcc.files.atomic import write_atomically
from ft_dcc.host import Host, OpensScenes
from ft_dcc.publish import models, preparation
from ft_dcc.publish.jobs import journal, queue
from ft_dcc.publish.progress import Progress, ProgressReporter
from ft_dcc.publish.publisher import PublishCheck, Publisher
from ft_dcc.session import Session
from ft_dcc.system import child_process

ORDER = "FT_DCC_SCENE_ORDER"
# Marks the lines of stdout that are events: the program writes to stdout, too.
EVENT = "@ft-dcc-event "


class SceneHost(Host, OpensScenes, Protocol):
    """A host that opens scene files."""


@attrs.frozen
class SceneOrder:
    """A publish of a scene as the job ``job`` in the folder ``jobs``."""

    scene: Path
    request: models.PublishRequest
    jobs: Path
    job: str
    # The file of the answer, if chosen.
    answer: Path = Path()
    # A text of presets and options.
    look: str = ""
    # The size in percent of the scene's resolution.
    percentage: int | None = None
    # The names of the checks whose repair is applied: None without repairs, empty for all of them.
    repair: tuple[str, ...] | None = None
    # Nothing is published.
    is_dry_run: bool = False

    def save(self, path: Path) -> None:
        """Write the order to a file."""
        path.write_text(journal.write_value(attrs.asdict(self, recurse=False)), encoding="ascii")

    @classmethod
    def read(cls, path: Path) -> SceneOrder:
        """Return the order that ``save`` wrote."""
        values: dict[str, Any] = journal.read_value(path.read_text(encoding="ascii"))
        repair = values.pop("repair")
        return cls(**values, repair=None if repair is None else tuple(repair))


@attrs.frozen
class SceneAnswer:
    """The answer to an order: what was published or planned, messages, and the tracebacks of plugins."""

    published: models.Published | None = None
    planned: tuple[dict[str, str], ...] = ()
    problems: tuple[errors.ValidationIssue, ...] = ()
    messages: tuple[str, ...] = ()
    tracebacks: tuple[str, ...] = ()

    @classmethod
    def of_check(cls, check: PublishCheck) -> SceneAnswer:
        """Return what a publish that was only checked would do."""
        warnings, tracebacks = (f"{text}." for text in check.warnings), (each["traceback"] for each in check.tracebacks)
        return cls(None, tuple(check.planned), check.problems, tuple(warnings), tuple(tracebacks))

    def write(self, path: Path, error: errors.Error | None = None) -> None:
        """Write the answer, or the error that takes its place, to a file."""
        value = error if error is not None else attrs.asdict(self, recurse=False)
        write_atomically(path, journal.write_value(value).encode("ascii"))

    @classmethod
    def read(cls, path: Path) -> SceneAnswer:
        """Return the answer in a file; raise the error that it contains."""
        found = journal.read_value(path.read_text(encoding="ascii"))
        if isinstance(found, errors.Error):
            raise found
        values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in found.items()}
        return cls(**{**values, "problems": journal.read_issues(values["problems"])})


def run_order(host: SceneHost) -> None:
    """Carry out the order that the environment names in this host, and end the process when its parent has ended."""
    child_process.after_parent(lambda: os._exit(1))
    answer_order(SceneOrder.read(Path(os.environ[ORDER])), host)


def answer_order(order: SceneOrder, host: SceneHost) -> None:
    """Carry out the order in this host, and write the answer; raise nothing."""
    _send({"started": host.name})
    try:
        _carry_out(order, host).write(order.answer)
    except errors.Error as error:
        SceneAnswer().write(order.answer, error)
    except Exception as error:  # noqa: BLE001 - reported by the parent
        traceback.print_exc()
        SceneAnswer().write(order.answer, errors.Error(f"Unexpected error in {host.name}: {error!r}."))


def open_scene(order: SceneOrder, host: SceneHost) -> None:
    """Open the scene; raise SceneUnreadable, or UserFixableError for errors unless ``allow_incomplete``."""
    try:
        host.open_scene_file(order.scene, discard_changes=True)
    except errors.SceneUnreadable:
        raise
    except errors.UserFixableError:
        if not order.request.allow_incomplete:
            raise


def _carry_out(order: SceneOrder, host: SceneHost) -> SceneAnswer:
    open_scene(order, host)
    _send({"opened": str(order.scene)})
    request, account = order.request, get_account()
    # Only the host can compute these values.
    if order.look:
        request = attrs.evolve(request, look=order.look)
    if order.percentage is not None:
        request = attrs.evolve(request, resolution=host.scene().resolution.scaled(order.percentage))
    is_checked = order.is_dry_run or order.repair is not None
    try:
        with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
            publisher = Publisher(session, host, _send_progress, order.jobs)
            if not is_checked:
                return SceneAnswer(queue.publish_once(publisher, request, order.job))
            check = publisher.validate(request)
            if order.repair is not None and not order.is_dry_run:
                messages = check.repair_named(order.repair)
                return SceneAnswer(check.publish(), messages=tuple(messages))
            try:
                return SceneAnswer.of_check(check)
            finally:
                check.discard()
    except errors.ServerUnreachable as error:
        if not is_checked:
            job = queue.ensure_job(request, account.server, host, order.jobs, order.job)
            error.message += preparation.capture_offline(job, host, ProgressReporter(_send_progress))
        raise


def _send_progress(progress: Progress) -> None:
    _send({"progress": attrs.asdict(progress)})


def _send(event: Mapping[str, Any]) -> None:
    # One write, so that output of other threads does not lie in between; without a stdout there are no events.
    with contextlib.suppress(OSError):
        os.write(1, f"\n{EVENT}{json.dumps(event)}\n".encode("ascii"))
