"""The loop that drives the plugins: stage by stage, with the gate between judging and working."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ft_dcc import errors
from ft_dcc.publish import engine
from ft_dcc.publish.engine import Context, Instance, PluginClass
from ft_dcc.publish.ledger import Ledger
from ft_dcc.publish.records import Step
from ft_dcc.publish.slots import NUMBER, PULSE, SOURCE, SlotEmpty

# These would meet every other source, too: there is no use in going on with the next one.
_MEET_ALL = (
    errors.AuthenticationError,
    errors.Cancelled,
    errors.ConnectionClosedError,
    errors.DiskUnusable,
    errors.ServerUnreachable,
)

# With these there is no judging: the job waits as it is, and is judged when they are over.
_UNJUDGED = (errors.AuthenticationError, errors.Cancelled, errors.ConnectionClosedError, errors.ServerUnreachable)

# What no check raises to say what it found.
_SLIPS = (AttributeError, ImportError, LookupError, NameError, TypeError)


@attrs.frozen
class Failure:
    """What stopped one source (number 0: all of them)."""

    plugin: PluginClass
    number: int
    source: str
    error: errors.Error
    repair: str | None = None

    @property
    def problem(self) -> errors.Problem:
        """The same, for a person."""
        error = self.error
        found, wanted = (str(error.found), str(error.wanted)) if isinstance(error, errors.Invalid) else (None, None)
        return errors.Problem(
            check=self.plugin.label or self.plugin.__name__,
            instance=self.source,
            message=str(error),
            found=found,
            wanted=wanted,
            repair=self.repair,
            is_artists=isinstance(error, errors.Unpublishable),
        )


class Loop:
    """Runs every plugin once on whatever it is meant for.

    Everything before the gate runs whatever else failed, so that all problems are known at once. Behind the gate
    a source that failed is left alone and the others go on.
    """

    def __init__(self, context: Context, plugins: Sequence[PluginClass], ledger: Ledger) -> None:
        self.context, self.plugins, self.ledger = context, plugins, ledger
        # Before the gate: what shuts sources out. Behind it: what a later run may do better.
        self.failures: list[Failure] = []
        self._is_judged = False
        self._is_outdated = False
        # Of the numbers that were given here: ours never go beyond the number of sources.
        self._highest = 0

    def run(self) -> None:
        """Every plugin has run where it can; raises what stops all sources alike, and what shuts the gate."""
        if not self.ledger.is_gate_open:
            if not self._is_judged:
                self.judge()
            self._pass_gate()
        self._is_outdated = True
        while self._is_outdated:
            self._is_outdated = False
            self._run_all([plugin for plugin in self.plugins if plugin.order >= engine.GATE])

    def judge(self) -> None:
        """All problems are known, and nothing else has been done; raises what leaves no way to find out."""
        self._run_all([plugin for plugin in self.plugins if plugin.order < engine.GATE])
        self._is_judged = True

    @property
    def problems(self) -> tuple[errors.Problem, ...]:
        """What was found, once each: the collector and the validator of a source may meet the same problem."""
        told = {(failure.number, str(failure.error)): failure.problem for failure in reversed(self.failures)}
        return tuple(reversed(told.values()))

    @property
    def has_publishable(self) -> bool:
        """Whether there is a source in which no problem was found."""
        return any(not self._has_failed(self._number(instance)) for instance in self.context)

    def repair(self, problem: errors.Problem) -> errors.Problem | None:
        """Its repair has run, and that check alone, on that source alone, has run again; return what it found.

        Raises Unpublishable when the problem is none of these or has no repair, and what the repair raises.
        """
        failure = next((failure for failure in self.failures if failure.problem == problem), None)
        if failure is None or failure.repair is None:
            raise errors.Unpublishable(f"Nothing here can repair it: {problem.message}")
        target = next((each for each in self.context if self._number(each) == failure.number), None)
        engine.repair(failure.plugin, self.context if target is None else target)
        self.failures = [other for other in self.failures if other is not failure]
        known = list(self.failures)
        self._run_one(failure.plugin, target)
        return next((found.problem for found in self.failures if found not in known), None)

    def _run_all(self, plugins: Sequence[PluginClass]) -> None:
        for plugin in plugins:
            for instance in engine.targets(plugin, self.context):
                self._run_one(plugin, instance)
            self.ledger.journal.sync()
            if self._is_outdated:
                return

    def _run_one(self, plugin: PluginClass, instance: Instance | None) -> None:
        number = 0 if instance is None else self._number(instance)
        if self.ledger.is_done(plugin.__name__, number) or (self.ledger.is_gate_open and self._has_failed(number)):
            return
        PULSE.get(self.context).check()
        before = self.ledger.look(instance)
        result = engine.process(plugin, self.context, instance)
        error = result["error"]
        if isinstance(error, SlotEmpty) and self._has_failed(number):
            # Whoever was to write the slot has failed, and that is said already.
            return
        source = "" if instance is None else instance.name
        failure = None if error is None else self._failure(plugin, instance, number, error)
        text = None if failure is None else str(failure.error)
        step = Step(plugin.__name__, source, round(result["duration"] / 1000, 4), text)
        self.ledger.note(step, number, before, error)
        if isinstance(error, engine.Outdated):
            self._do_again(plugin, number, error.since)
        elif failure is not None:
            self._fail(failure)

    def _do_again(self, plugin: PluginClass, number: int, since: PluginClass) -> None:
        """What was done to the source from one plugin to the other counts as not done."""
        first, last = self.plugins.index(since), self.plugins.index(plugin)
        self.ledger.forget([each.__name__ for each in self.plugins[first : last + 1]], number)
        self._is_outdated = True

    def _failure(self, plugin: PluginClass, instance: Instance | None, number: int, error: Exception) -> Failure:
        source = "" if instance is None else instance.name
        repair = None if self.ledger.is_gate_open else engine.find_repair(plugin, instance)
        return Failure(plugin, number, source, _in_our_words(plugin, error), repair)

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        if self.ledger.is_gate_open:
            stops_all = isinstance(failure.error, _MEET_ALL) or failure.number == 0
        else:
            # A disk that is full is a finding like any other: it is told with the others.
            stops_all = isinstance(failure.error, _UNJUDGED)
        if stops_all:
            raise failure.error

    def _has_failed(self, number: int) -> bool:
        return any(failure.number in (0, number) for failure in self.failures)

    def _number(self, instance: Instance) -> int:
        """The instance's number; one that a studio's collector made gets its own here."""
        number = NUMBER.find(instance)
        if number is None and self.ledger.is_gate_open:
            raise errors.PluginBroken(f"{instance.name} was made behind the gate, unjudged. Make it in a collector.")
        if number is None:
            self._highest = number = 1 + max(self._highest, len(self.context))
            NUMBER.set(instance, number)
        return number

    def _pass_gate(self) -> None:
        """Sources with a problem are out; raises when none is left, or the problem is everybody's."""
        refused, problems = self.failures, self.problems
        for instance in [other for other in self.context if self._has_failed(self._number(other))]:
            self.context.remove(instance)
        self.failures = []
        # What a studio's own collectors have made is no reason to go on when all that was asked for is out.
        is_open = any(SOURCE.find(instance) is not None for instance in self.context) if refused else bool(self.context)
        self.ledger.pass_gate(problems, is_open=is_open)
        if not is_open and not refused:
            raise errors.Unpublishable("There is no source to publish: no collector found one.")
        if not is_open and len(problems) > 1:
            raise errors.Problems(problems)
        if not is_open:
            (only,) = problems
            if isinstance(refused[0].error, errors.Unpublishable):
                refused[0].error.problem = only
            raise refused[0].error


def _in_our_words(plugin: PluginClass, error: Exception) -> errors.Error:
    """The error as one of the tree; a studio's check says what it finds with whatever it likes to raise."""
    if isinstance(error, errors.Error):
        return error
    words = " ".join(str(error).split()) or type(error).__name__
    name = plugin.label or plugin.__name__
    if engine.VALIDATOR - 0.5 <= plugin.order < engine.GATE and not isinstance(error, _SLIPS):
        translated: errors.Error = errors.Unpublishable(words)
    else:
        translated = errors.PluginBroken(
            f"The plugin {name} ({plugin.__module__}) failed: {type(error).__name__}: {words}. The report has more."
        )
    translated.__cause__ = error
    return translated
