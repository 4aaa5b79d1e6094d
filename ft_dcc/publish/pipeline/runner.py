"""Run the plugins stage by stage, with the validation barrier between checks and work, and journal their results."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Union

import attrs

from ft_dcc import errors
from ft_dcc.files import log_file, sequences
from ft_dcc.publish import models, progress, slots
from ft_dcc.publish.jobs.journal import Journal, write_value
from ft_dcc.publish.pipeline import pyblish_adapter
from ft_dcc.publish.pipeline.environment import Environment
from ft_dcc.settings.sections import OFF, REQUIRED, WARNING

# With these validation is impossible: the job waits, and is validated when it resumes.
_NOT_VALIDATED = (errors.AuthenticationError, errors.Cancelled, errors.ConnectionClosedError, errors.ServerUnreachable)
# These affect every other source as well.
FATAL_ERRORS = (*_NOT_VALIDATED, errors.StorageError)
# A check does not raise these on purpose.
PROGRAMMING_ERRORS = (AttributeError, ImportError, LookupError, NameError, TypeError)
# The states of checks beside WARNING.
PROBLEM, PASSED = "problem", "passed"
# Their checks take long enough for a report of the progress.
_MANY_SOURCES = 100
# pyblish's own list of results, which cannot be serialised.
_RESULTS = "results"

# The owner's number (0 for the context), the owner, and a copy of its data.
_Snapshot = list[tuple[int, Union[pyblish_adapter.Context, pyblish_adapter.Instance], dict[str, Any]]]


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
        fixable = self.error if isinstance(self.error, errors.UserFixableError) else errors.UserFixableError()
        return errors.ValidationIssue(
            check=_check_name(self.plugin),
            instance=self.source,
            message=str(self.error),
            found=None if fixable.found is None else str(fixable.found),
            expected=None if fixable.expected is None else str(fixable.expected),
            repair=self.repair,
            user_can_fix=fixable is self.error,
            option=fixable.option,
            can_select=self.number != 0 and getattr(self.plugin, "can_select", True),
        )


class CheckResult(NamedTuple):
    """What one check has found of one source, "" for all of them: a problem, a warning or nothing."""

    check: str
    state: str
    source: str = ""
    message: str = ""


def _check_name(plugin: pyblish_adapter.PluginClass) -> str:
    return plugin.label or plugin.__name__


class PluginRunner:
    """Runs every plugin once on each of its targets, and journals the result before the next one starts.

    The plugins before the validation barrier run whatever fails, so that all problems are reported at once. Behind it,
    a source that fails is skipped and the others continue. Everything before the barrier is one event of the journal,
    since an unfinished validation is repeated. Number 0 is the context, the others are instances. Every value that the
    journal can write is kept, whichever plugin set it.
    """

    def __init__(
        self,
        context: pyblish_adapter.Context,
        plugins: Sequence[pyblish_adapter.PluginClass],
        journal: Journal,
        environment: Environment | None = None,
    ) -> None:
        self.context, self.plugins, self.journal = context, plugins, journal
        self.environment = Environment() if environment is None else environment
        # Before the barrier: why sources are excluded. Behind it: what a later run may finish.
        self.failures: list[Failure] = []
        # Of the sources that were excluded at the barrier.
        self.excluded: tuple[errors.ValidationIssue, ...] = ()
        self.steps: list[models.Step] = []
        # Of errors that are defects of plugins.
        self.tracebacks: list[dict[str, str]] = []
        self.is_validated = False
        self._is_checked = False
        self._must_rerun = False
        # The plugins that have succeeded on a source, in this run or an earlier one.
        self._done: set[tuple[str, int]] = set()
        # The highest number that was given here: CollectSources numbers its sources from 1.
        self._highest = 0

    def restore(self) -> None:
        """Restore the context and all results from the journal, if the last run passed the validation barrier."""
        owners: dict[int, pyblish_adapter.Context | pyblish_adapter.Instance] = {0: self.context}
        for event in self.journal.events():
            if event.get("validation") == "passed":
                self.is_validated = True
                self.context.data.update(event["context"])
                for written in event["instances"]:
                    instance = self.context.create_instance(written["name"])
                    instance.data.update(written["data"])
                    owners[slots.NUMBER.get(instance)] = instance
                self.steps = [models.Step(**step) for step in event["steps"]]
                self.excluded = tuple(errors.ValidationIssue(**problem) for problem in event["problems"])
            elif "step" in event:
                step = models.Step(**event["step"])
                self.steps.append(step)
                for number, values in event["sets"].items():
                    owners[int(number)].data.update(values)
                if step.error is None:
                    self._done.add((step.name, event["number"]))
            elif "again" in event:
                self._done.difference_update((name, event["number"]) for name in event["again"])

    def run(self) -> None:
        """Run all plugins; raise errors that stop every source and, if validation fails, the problems."""
        if not self.is_validated:
            self._close_validation()
        self._must_rerun = True
        while self._must_rerun:
            self._must_rerun = False
            self._run_all(pyblish_adapter.VALIDATION_BARRIER)

    def prepare_files(self) -> None:
        """Run the plugins up to the integrators, so that all files exist and nothing is sent; raise as ``run`` does."""
        self._close_validation()
        self._run_all(pyblish_adapter.VALIDATION_BARRIER, pyblish_adapter.INTEGRATOR - 0.5)
        if self.failures:
            raise self.failures[0].error

    def validate(self) -> None:
        """Find all problems and change nothing; raise errors that make validation impossible."""
        for label, place in self.environment.replaced.items():
            self._note_check(label, f"replaced by {place}")
        with sequences.folders_read_once():
            self._run_all(-math.inf, pyblish_adapter.VALIDATION_BARRIER)
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
    def warnings(self) -> tuple[str, ...]:
        """What checks found whose problems are only warnings, and what the host warns of, each once."""
        found = (text for instance in self.context for text in slots.WARNINGS.find(instance) or ())
        return tuple(dict.fromkeys(found))

    @property
    def results(self) -> list[CheckResult]:
        """What each check that ran has found, also nothing: problems, then warnings, then those that passed."""
        ran = {step.name for step in self.steps}
        names = dict.fromkeys(
            _check_name(each) for each in self.plugins if each.__name__ in ran and pyblish_adapter.is_check(each)
        )
        found = [CheckResult(each.check, PROBLEM, each.instance, each.message) for each in self.problems]
        for text in self.warnings:
            name, _, message = text.partition(": ")
            found.append(CheckResult(name, WARNING, "", message))
        passed = names.keys() - {each.check for each in found}
        return [*found, *(CheckResult(name, PASSED) for name in names if name in passed)]

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
            with self.environment.active_for(failure.plugin), pyblish_adapter.maintained_folder():
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

    def _run_all(self, start: float, end: float = math.inf) -> None:
        """Run the plugins whose order is at least ``start`` and less than ``end``."""
        chosen = [plugin for plugin in self.plugins if start <= plugin.order < end]
        for place, plugin in enumerate(chosen):
            targets = pyblish_adapter.targets(plugin, self.context, self.environment.targets)
            for number, instance in enumerate(targets):
                if (count := len(targets)) >= _MANY_SOURCES and not self.is_validated:
                    done, total = place * count + number, len(chosen) * count
                    report = progress.Progress("check", f"{count} sources", done, total, "checks")
                    slots.PROGRESS.get(self.context).report(report)
                self._run_one(plugin, instance)
            self.journal.sync()
            if self._must_rerun:
                return

    def _run_one(self, plugin: pyblish_adapter.PluginClass, instance: pyblish_adapter.Instance | None) -> None:
        number = 0 if instance is None else self._number(instance)
        if (self.is_validated and self._has_failed(number)) or (plugin.__name__, number) in self._done:
            return
        level = self._level_of(plugin)
        if level == OFF:
            return
        slots.PROGRESS.get(self.context).raise_if_cancelled()
        # What a plugin on the instance, or on the context, can change.
        touched = [] if not self.is_validated else list(self.context) if instance is None else [instance]
        before: _Snapshot = [(slots.NUMBER.get(each), each, dict(each.data)) for each in touched]
        before.append((0, self.context, dict(self.context.data)))
        with self.environment.active_for(plugin):
            result = run_plugin(plugin, self.context, instance)
        error = result["error"]
        if isinstance(error, slots.SlotEmpty) and self._has_failed(number):
            # The plugin that writes the slot has failed, and its error is reported already.
            return
        source = "" if instance is None else instance.name
        ours = None if error is None else _as_error(plugin, error)
        seconds = round(result["duration"] / 1000, 4)
        step = models.Step(plugin.__name__, source, seconds, None if ours is None else str(ours))
        self._record_step(step, number, before, error)
        if isinstance(error, pyblish_adapter.RerunFrom):
            # The plugins from ``since`` to this one must run again for the source.
            first, last = self.plugins.index(error.since), self.plugins.index(plugin)
            names = [each.__name__ for each in self.plugins[first : last + 1]]
            self._done.difference_update((name, number) for name in names)
            self.journal.append({"again": names, "number": number})
            self._must_rerun = True
        elif level == WARNING and isinstance(ours, errors.UserFixableError):
            self._warn(plugin, instance, ours)
        elif ours is not None:
            with self.environment.active_for(plugin):
                repair = None if self.is_validated else pyblish_adapter.find_repair(plugin, instance)
            self._fail(Failure(plugin, number, source, ours, repair))

    def _level_of(self, plugin: pyblish_adapter.PluginClass) -> str:
        """Return what becomes of the problems of a check, and note it for the report unless they stop its source."""
        task = slots.TASK.find(self.context)
        level = self.environment.level_of(plugin, "" if task is None else task.type)
        if level != REQUIRED:
            self._note_check(_check_name(plugin), level)
        return level

    def _note_check(self, name: str, state: str) -> None:
        slots.CHECKS.set(self.context, {**(slots.CHECKS.find(self.context) or {}), name: state})

    def _warn(
        self, plugin: pyblish_adapter.PluginClass, instance: pyblish_adapter.Instance | None, error: errors.Error
    ) -> None:
        text = f"{_check_name(plugin)}: {str(error).rstrip('.')}"
        for each in list(self.context) if instance is None else [instance]:
            known = slots.WARNINGS.find(each) or []
            slots.WARNINGS.set(each, [*known, *([] if text in known else [text])])

    def _record_step(self, step: models.Step, number: int, before: _Snapshot, error: Exception | None) -> None:
        """Write the result of a step and the values that it has set since ``before``; raise StorageError."""
        self.steps.append(step)
        if not self.is_validated:
            return
        if error is None:
            self._done.add((step.name, number))
        event: dict[str, Any] = {
            "step": attrs.asdict(step),
            "number": number,
            "sets": {owner_number: _changes(data, owner.data) for owner_number, owner, data in before},
        }
        if error is not None:
            event["traceback"] = self._traceback_of(error)
        self.journal.append(event, batched=True)

    def _traceback_of(self, error: BaseException) -> str:
        key = getattr(slots.SESSION.find(self.context), "api_key", "")
        return log_file.mask("".join(traceback.format_exception(type(error), error, error.__traceback__)), key)

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        if isinstance(failure.error, errors.PluginBroken):
            self.tracebacks.append({"check": failure.problem.check, "traceback": self._traceback_of(failure.error)})
        # A full disk is a problem like any other before the barrier: it is reported with the others.
        fatal = FATAL_ERRORS if self.is_validated else _NOT_VALIDATED
        if isinstance(failure.error, fatal) or (self.is_validated and failure.number == 0):
            raise failure.error

    def _has_failed(self, number: int) -> bool:
        return any(failure.number in (0, number) for failure in self.failures)

    def _number(self, instance: pyblish_adapter.Instance) -> int:
        """Return the instance's number; an instance of a studio's collector gets its number here."""
        number = slots.NUMBER.find(instance)
        if number is None and self.is_validated:
            raise errors.PluginBroken(f"{instance.name} was created after validation. Create it in a collector.")
        if number is None:
            self._highest = number = 1 + max(self._highest, len(self.context))
            slots.NUMBER.set(instance, number)
        return number

    def _close_validation(self) -> None:
        """Validate if needed, write the result, and remove sources with a problem; raise if none is left."""
        if not self._is_checked:
            self.validate()
        failures, self.excluded = self.failures, self.problems
        for instance in [other for other in self.context if self._has_failed(self._number(other))]:
            self.context.remove(instance)
        self.failures = []
        # Instances of a studio's own collectors do not count when all requested sources have failed.
        remaining = [instance for instance in self.context if not failures or slots.SOURCE.find(instance) is not None]
        self.journal.append(
            {
                "validation": "passed" if remaining else "failed",
                # A disk that is too full may be too full for the reason of the stop as well.
                "can_retry": all(isinstance(failure.error, errors.StorageError) for failure in failures),
                "problems": [problem._asdict() for problem in self.excluded],
                "steps": [attrs.asdict(step) for step in self.steps],
                "context": _changes({}, self.context.data),
                "instances": [
                    {"name": instance.name, "data": _changes({}, instance.data)} for instance in self.context
                ],
            }
        )
        self.is_validated = bool(remaining)
        if remaining:
            return
        if not failures:
            raise errors.UserFixableError("There is no source to publish: no collector found one.")
        if len(self.excluded) > 1:
            raise errors.ValidationFailed(self.excluded)
        if isinstance(failures[0].error, errors.UserFixableError):
            (failures[0].error.problem,) = self.excluded
        raise failures[0].error


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are new and that the journal can write."""
    changed = {}
    for key, value in after.items():
        if key != _RESULTS and before.get(key) is not value:
            with suppress(TypeError, ValueError):
                write_value(value)
                changed[key] = value
    return changed


def run_plugin(
    plugin: pyblish_adapter.PluginClass, context: pyblish_adapter.Context, instance: pyblish_adapter.Instance | None
) -> dict[str, Any]:
    """Run one plugin on one instance, or on the context, and return pyblish's result, which has the error."""
    import pyblish.plugin

    try:
        with pyblish_adapter.maintained_folder():
            result: dict[str, Any] = pyblish.plugin.process(plugin, context, instance)
    except SystemExit as error:
        # It would end the host program, or the command without a message.
        name = f"{_check_name(plugin)} ({plugin.__module__})"
        broken = errors.PluginBroken(f"The plugin {name} called sys.exit({error.code!r}). Raise an error instead.")
        return {"error": broken, "duration": 0.0}
    return result


def _as_error(plugin: pyblish_adapter.PluginClass, error: Exception) -> errors.Error:
    """Return the error as one of ours; an unknown error of a studio's check is a message for the artist."""
    if isinstance(error, errors.Error):
        return error
    message = " ".join(str(error).split()) or type(error).__name__
    if pyblish_adapter.is_check(plugin) and not isinstance(error, PROGRAMMING_ERRORS):
        translated: errors.Error = errors.UserFixableError(message)
    else:
        translated = errors.PluginBroken(
            f"The plugin {_check_name(plugin)} ({pyblish_adapter.place_of(plugin, error)}) failed: "
            f"{type(error).__name__}: {message}."
        )
    translated.__cause__ = error
    return translated
