"""Checkpoints of the plugins' results in the journal, from which another process can resume."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Union

import attrs

from ft_dcc.errors import ValidationIssue
from ft_dcc.publish import models, report, slots
from ft_dcc.publish.jobs.journal import Journal, write_value
from ft_dcc.publish.pipeline.pyblish_adapter import Context, Instance

# pyblish's own list of results, which cannot be serialised.
_RESULTS = "results"

# The owner's number (0 for the context), the owner, and a copy of its data.
Snapshot = list[tuple[int, Union[Context, Instance], dict[str, Any]]]


class CheckpointStore:
    """Writes the result of every plugin on every source before the next one starts, and restores them.

    Everything before the validation barrier is one event, since an unfinished validation is repeated. Number 0 is the
    context, the others are instances. Every value that the journal can write is kept, whichever plugin set it.
    """

    def __init__(self, journal: Journal, context: Context) -> None:
        self.journal, self.context = journal, context
        self.is_validated = False
        self.steps: list[models.Step] = []
        self.problems: tuple[ValidationIssue, ...] = ()
        self._owners: dict[int, Context | Instance] = {0: context}
        self._done: set[tuple[str, int]] = set()

    def restore(self) -> None:
        """Restore the context from the journal, if the last run passed the validation barrier."""
        for event in self.journal.events():
            if event.get("validation") == "passed":
                self._restore_validation(event)
            elif "step" in event:
                self._restore_step(event)
            elif "again" in event:
                self._done.difference_update((name, event["number"]) for name in event["again"])

    def _restore_validation(self, event: Mapping[str, Any]) -> None:
        self.is_validated = True
        self.context.data.update(event["context"])
        for written in event["instances"]:
            instance = self.context.create_instance(written["name"])
            instance.data.update(written["data"])
            self._owners[slots.NUMBER.get(instance)] = instance
        self.steps = [models.Step(**step) for step in event["steps"]]
        self.problems = tuple(ValidationIssue.from_dict(problem) for problem in event["problems"])

    def _restore_step(self, event: Mapping[str, Any]) -> None:
        step = models.Step(**event["step"])
        self.steps.append(step)
        for number, values in event["sets"].items():
            self._owners[int(number)].data.update(values)
        if step.error is None:
            self._done.add((step.name, event["number"]))

    def is_done(self, plugin_name: str, number: int) -> bool:
        """Return whether the plugin has succeeded on the source, in this run or an earlier one."""
        return (plugin_name, number) in self._done

    def snapshot(self, instance: Instance | None) -> Snapshot:
        """Return copies of the data that a plugin on the instance, or on the context, can change."""
        if not self.is_validated:
            return []
        touched = [instance] if instance is not None else list(self.context)
        return [(0, self.context, dict(self.context.data))] + [
            (slots.NUMBER.get(each), each, dict(each.data)) for each in touched
        ]

    def record_step(self, step: models.Step, number: int, before: Snapshot, error: Exception | None) -> None:
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
            session = slots.SESSION.find(self.context)
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            event["traceback"] = report.mask("".join(lines), "" if session is None else session.api_key)
        self.journal.append_batched(event)

    def invalidate(self, names: Sequence[str], number: int) -> None:
        """Mark these plugins as not done for the source; raise StorageError."""
        self._done.difference_update((name, number) for name in names)
        self.journal.append({"again": list(names), "number": number})

    def close_validation(self, problems: tuple[ValidationIssue, ...], *, passed: bool) -> None:
        """Write the problems and all values of the remaining instances; raise StorageError."""
        self.journal.append(
            {
                "validation": "passed" if passed else "failed",
                "problems": [problem.as_dict() for problem in problems],
                "steps": [attrs.asdict(step) for step in self.steps],
                "context": _changes({}, self.context.data),
                "instances": [
                    {"name": instance.name, "data": _changes({}, instance.data)} for instance in self.context
                ],
            }
        )
        self.is_validated, self.problems = passed, problems


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in after.items()
        if key != _RESULTS and before.get(key) is not value and _is_writable(value)
    }


def _is_writable(value: Any) -> bool:
    try:
        write_value(value)
    except (TypeError, ValueError):
        return False
    return True
