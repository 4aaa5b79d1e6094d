"""Run the plugins stage by stage, with the validation barrier between checks and work."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from ft_dcc import errors
from ft_dcc.publish import models, slots
from ft_dcc.publish.jobs.checkpoint import CheckpointStore
from ft_dcc.publish.pipeline import pyblish_adapter

# With these validation is impossible: the job waits, and is validated when it resumes.
_NOT_VALIDATED = (
    errors.AuthenticationError,
    errors.Cancelled,
    errors.ConnectionClosedError,
    errors.ServerUnreachable,
)
# These affect every other source as well.
FATAL_ERRORS = (*_NOT_VALIDATED, errors.StorageError)
# A check does not raise these on purpose.
PROGRAMMING_ERRORS = (AttributeError, ImportError, LookupError, NameError, TypeError)


@attrs.frozen
class Failure:
    """The error that stopped one source (number 0: all of them)."""

    plugin: pyblish_adapter.PluginClass
    number: int
    source: str
    error: errors.Error
    repair: str | None = None

    @property
    def problem(self) -> errors.ValidationIssue:
        """The failure as it is shown to the artist."""
        found = expected = None
        if isinstance(self.error, errors.ValueMismatch):
            found, expected = str(self.error.found), str(self.error.expected)
        elif isinstance(self.error, errors.FramesMissing):
            found, expected = self.error.found, self.error.expected
        return errors.ValidationIssue(
            check=_check_name(self.plugin),
            instance=self.source,
            message=str(self.error),
            found=found,
            expected=expected,
            repair=self.repair,
            user_can_fix=isinstance(self.error, errors.UserFixableError),
        )


def _check_name(plugin: pyblish_adapter.PluginClass) -> str:
    return plugin.label or plugin.__name__


class PluginRunner:
    """Runs every plugin once on each of its targets.

    The plugins before the validation barrier run whatever fails, so that all problems are reported at once. Behind it,
    a source that fails is skipped and the others continue.
    """

    def __init__(
        self,
        context: pyblish_adapter.Context,
        plugins: Sequence[pyblish_adapter.PluginClass],
        checkpoint: CheckpointStore,
    ) -> None:
        self.context, self.plugins, self.checkpoint = context, plugins, checkpoint
        # Before the barrier: why sources are excluded. Behind it: what a later run may finish.
        self.failures: list[Failure] = []
        self._is_checked = False
        self._must_rerun = False
        # The highest number that was given here: CollectSources numbers its sources from 1.
        self._highest = 0

    def run(self) -> None:
        """Run all plugins; raise errors that stop every source and, if validation fails, the problems."""
        if not self.checkpoint.is_validated:
            if not self._is_checked:
                self.validate()
            self._close_validation()
        self._must_rerun = True
        while self._must_rerun:
            self._must_rerun = False
            self._run_all([plugin for plugin in self.plugins if plugin.order >= pyblish_adapter.VALIDATION_BARRIER])

    def prepare(self) -> None:
        """Run the plugins up to the integrators, so that all files exist and nothing is sent; raise as ``run`` does."""
        if not self._is_checked:
            self.validate()
        self._close_validation()
        barrier, end = pyblish_adapter.VALIDATION_BARRIER, pyblish_adapter.INTEGRATOR - 0.5
        self._run_all([plugin for plugin in self.plugins if barrier <= plugin.order < end])
        if self.failures:
            raise self.failures[0].error

    def validate(self) -> None:
        """Find all problems and change nothing; raise errors that make validation impossible."""
        self._run_all([plugin for plugin in self.plugins if plugin.order < pyblish_adapter.VALIDATION_BARRIER])
        self._is_checked = True

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the plugins that can find a problem."""
        barrier = pyblish_adapter.VALIDATION_BARRIER
        names = (_check_name(plugin) for plugin in self.plugins if plugin.order < barrier)
        return tuple(dict.fromkeys(names))

    @property
    def problems(self) -> tuple[errors.ValidationIssue, ...]:
        """The problems found, each once: the collector and the validator of a source may find the same one."""
        distinct = {(failure.number, str(failure.error)): failure.problem for failure in reversed(self.failures)}
        return tuple(reversed(distinct.values()))

    @property
    def has_publishable(self) -> bool:
        """Whether a source has no problem."""
        return any(not self._has_failed(self._number(instance)) for instance in self.context)

    def repair(self, problem: errors.ValidationIssue) -> errors.ValidationIssue | None:
        """Run the repair of a problem, then its check on its source, and return the problem that remains.

        Raises UserFixableError if the problem is unknown or has no repair, PluginBroken for a repair that fails with an
        error that is not ours, and what the repair raises.
        """
        failure = next((failure for failure in self.failures if failure.problem == problem), None)
        if failure is None or failure.repair is None:
            raise errors.UserFixableError(f"There is no automatic repair for this problem: {problem.message}")
        instance = next((each for each in self.context if self._number(each) == failure.number), None)
        try:
            with _maintained_folder():
                failure.plugin().repair(self.context if instance is None else instance)
        except errors.Error:
            raise
        except (Exception, SystemExit) as error:
            message = f"The repair of {failure.plugin.__name__} failed: {type(error).__name__}: {error}"
            raise errors.PluginBroken(message) from error
        self.failures = [other for other in self.failures if other is not failure]
        known = list(self.failures)
        self._run_one(failure.plugin, instance)
        return next((found.problem for found in self.failures if found not in known), None)

    def _run_all(self, plugins: Sequence[pyblish_adapter.PluginClass]) -> None:
        for plugin in plugins:
            for instance in pyblish_adapter.targets(plugin, self.context):
                self._run_one(plugin, instance)
            self.checkpoint.journal.sync()
            if self._must_rerun:
                return

    def _run_one(self, plugin: pyblish_adapter.PluginClass, instance: pyblish_adapter.Instance | None) -> None:
        number = 0 if instance is None else self._number(instance)
        is_excluded = self.checkpoint.is_validated and self._has_failed(number)
        if is_excluded or self.checkpoint.is_done(plugin.__name__, number):
            return
        slots.PROGRESS.get(self.context).raise_if_cancelled()
        before = self.checkpoint.snapshot(instance)
        result = run_plugin(plugin, self.context, instance)
        error = result["error"]
        if isinstance(error, slots.SlotEmpty) and self._has_failed(number):
            # The plugin that writes the slot has failed, and its error is reported already.
            return
        source = "" if instance is None else instance.name
        ours = None if error is None else _as_error(plugin, error)
        seconds = round(result["duration"] / 1000, 4)
        self.checkpoint.record_step(
            models.Step(plugin.__name__, source, seconds, None if ours is None else str(ours)), number, before, error
        )
        if isinstance(error, pyblish_adapter.RerunFrom):
            self._rerun(plugin, number, error.since)
        elif ours is not None:
            repair = None if self.checkpoint.is_validated else pyblish_adapter.find_repair(plugin, instance)
            self._fail(Failure(plugin, number, source, ours, repair))

    def _rerun(self, plugin: pyblish_adapter.PluginClass, number: int, since: pyblish_adapter.PluginClass) -> None:
        """Mark the plugins from ``since`` to ``plugin`` as not done for the source."""
        first, last = self.plugins.index(since), self.plugins.index(plugin)
        self.checkpoint.invalidate([each.__name__ for each in self.plugins[first : last + 1]], number)
        self._must_rerun = True

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        if self.checkpoint.is_validated:
            stops_all = isinstance(failure.error, FATAL_ERRORS) or failure.number == 0
        else:
            # A full disk is a problem like any other: it is reported with the others.
            stops_all = isinstance(failure.error, _NOT_VALIDATED)
        if stops_all:
            raise failure.error

    def _has_failed(self, number: int) -> bool:
        return any(failure.number in (0, number) for failure in self.failures)

    def _number(self, instance: pyblish_adapter.Instance) -> int:
        """Return the instance's number; an instance of a studio's collector gets its number here."""
        number = slots.NUMBER.find(instance)
        if number is None and self.checkpoint.is_validated:
            raise errors.PluginBroken(f"{instance.name} was created after validation. Create it in a collector.")
        if number is None:
            self._highest = number = 1 + max(self._highest, len(self.context))
            slots.NUMBER.set(instance, number)
        return number

    def _close_validation(self) -> None:
        """Remove the sources that have a problem; raise if none is left or the problem affects all of them."""
        failures, problems = self.failures, self.problems
        for instance in [other for other in self.context if self._has_failed(self._number(other))]:
            self.context.remove(instance)
        self.failures = []
        # Instances of a studio's own collectors do not count when all requested sources have failed.
        remaining = [instance for instance in self.context if not failures or slots.SOURCE.find(instance) is not None]
        self.checkpoint.close_validation(problems, passed=bool(remaining))
        if remaining:
            return
        if not failures:
            raise errors.UserFixableError("There is no source to publish: no collector found one.")
        if len(problems) > 1:
            raise errors.ValidationFailed(problems)
        if isinstance(failures[0].error, errors.UserFixableError):
            (failures[0].error.problem,) = problems
        raise failures[0].error


def run_plugin(
    plugin: pyblish_adapter.PluginClass, context: pyblish_adapter.Context, instance: pyblish_adapter.Instance | None
) -> dict[str, Any]:
    """Run one plugin on one instance, or on the context, and return pyblish's result, which has the error."""
    import pyblish.plugin

    try:
        with _maintained_folder():
            result: dict[str, Any] = pyblish.plugin.process(plugin, context, instance)
    except SystemExit as error:
        # It would end the host program, or the command without a message.
        name = plugin.label or plugin.__name__
        broken = errors.PluginBroken(
            f"The plugin {name} ({plugin.__module__}) called sys.exit({error.code!r}). Raise an error instead."
        )
        return {"error": broken, "duration": 0.0}
    return result


@contextmanager
def _maintained_folder() -> Iterator[None]:
    """Restore the working folder: paths and the project's settings are relative to where the publish began."""
    folder = _working_folder()
    try:
        yield
    finally:
        if folder and _working_folder() != folder:
            os.chdir(folder)


def _working_folder() -> str:
    """Return the working folder, or "" if it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109 - text costs less, and a publish may run a thousand plugins
    except OSError:
        return ""


def _as_error(plugin: pyblish_adapter.PluginClass, error: Exception) -> errors.Error:
    """Return the error as one of ours; an unknown error of a studio's check is a message for the artist."""
    if isinstance(error, errors.Error):
        return error
    message = " ".join(str(error).split()) or type(error).__name__
    is_check = pyblish_adapter.VALIDATOR - 0.5 <= plugin.order < pyblish_adapter.VALIDATION_BARRIER
    if is_check and not isinstance(error, PROGRAMMING_ERRORS):
        translated: errors.Error = errors.UserFixableError(message)
    else:
        translated = errors.PluginBroken(
            f"The plugin {plugin.label or plugin.__name__} ({plugin.__module__}) failed: "
            f"{type(error).__name__}: {message}."
        )
    translated.__cause__ = error
    return translated
