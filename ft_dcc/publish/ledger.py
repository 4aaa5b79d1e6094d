"""What the plugins did, as the journal keeps it: enough to go on in another process."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import attrs

from ft_dcc.errors import Problem
from ft_dcc.publish.engine import Context, Instance
from ft_dcc.publish.journal import Journal, write_value
from ft_dcc.publish.records import Step
from ft_dcc.publish.slots import NUMBER

# pyblish's own record of what ran; ours is plain data.
_RESULTS = "results"

Snapshot = dict[int, dict[str, Any]]


class Ledger:
    """The outcome of every plugin, on the disk before the next one begins.

    What comes before the gate is one event, because it is done again when it was not finished. Number 0 is the
    context, the others are instances. Values that JSON and the journal know are kept, whoever set them.
    """

    def __init__(self, journal: Journal, context: Context) -> None:
        self.journal, self.context = journal, context
        self.is_gate_open = False
        self.steps: list[Step] = []
        self.problems: tuple[Problem, ...] = ()
        self._done: set[tuple[str, int]] = set()

    def restore(self) -> None:
        """The context is as the last run left it behind the gate; before the gate there is nothing to restore."""
        for event in self.journal.events():
            if event.get("gate") == "open":
                self._restore_gate(event)
            elif "step" in event:
                self._restore_step(event)

    def _restore_gate(self, event: Mapping[str, Any]) -> None:
        self.is_gate_open = True
        self.context.data.update(event["context"])
        for made in event["instances"]:
            self.context.create_instance(made["name"]).data.update(made["data"])
        self.steps = [Step(**step) for step in event["steps"]]
        self.problems = tuple(Problem(**problem) for problem in event["problems"])

    def _restore_step(self, event: Mapping[str, Any]) -> None:
        step = Step(**event["step"])
        self.steps.append(step)
        for number, values in event["sets"].items():
            self._owners()[int(number)].data.update(values)
        if step.error is None:
            self._done.add((step.name, event["number"]))

    def _owners(self) -> dict[int, Context | Instance]:
        return {0: self.context, **{NUMBER.get(instance): instance for instance in self.context}}

    def is_done(self, plugin_name: str, number: int) -> bool:
        """Whether an earlier run has this step behind it."""
        return (plugin_name, number) in self._done

    def look(self, number: int) -> Snapshot:
        """Return what the data is before a step, to compare with afterwards."""
        if not self.is_gate_open:
            return {}
        owners = self._owners()
        watched = owners if number == 0 else {0: self.context, number: owners[number]}
        return {watched_number: dict(owner.data) for watched_number, owner in watched.items()}

    def note(self, step: Step, number: int, before: Snapshot, error: Exception | None) -> None:
        """The outcome of a step is kept; raises DiskUnusable."""
        self.steps.append(step)
        if not self.is_gate_open:
            return
        owners = self._owners()
        sets = {key: _changed(data, owners[key].data) for key, data in before.items()}
        event: dict[str, Any] = {
            "step": attrs.asdict(step),
            "number": number,
            "sets": sets,
        }
        if error is not None:
            event["traceback"] = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.journal.append(event)

    def pass_gate(self, problems: tuple[Problem, ...], *, is_open: bool) -> None:
        """What was found is kept, and all that is known of the instances that are left; raises DiskUnusable."""
        self.journal.append(
            {
                "gate": "open" if is_open else "shut",
                "problems": [attrs.asdict(problem) for problem in problems],
                "steps": [attrs.asdict(step) for step in self.steps],
                "context": _changed({}, self.context.data),
                "instances": [
                    {"name": instance.name, "data": _changed({}, instance.data)} for instance in self.context
                ],
            }
        )
        self.is_gate_open, self.problems = is_open, problems


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
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
