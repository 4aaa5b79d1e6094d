"""What the plugins did, as the journal keeps it: enough to go on in another process."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Union

import attrs

from ft_dcc.errors import Problem
from ft_dcc.publish.engine import Context, Instance
from ft_dcc.publish.journal import Journal, write_value
from ft_dcc.publish.records import Step
from ft_dcc.publish.report import mask
from ft_dcc.publish.slots import NUMBER, SESSION

# pyblish's own record of what ran; ours is plain data.
_RESULTS = "results"

# Number, owner and its data.
Snapshot = list[tuple[int, Union[Context, Instance], dict[str, Any]]]


class Ledger:
    """The outcome of every plugin on every source, written before the next one begins.

    What comes before the gate is one event, because it is done again when it was not finished. Number 0 is the
    context, the others are instances. Values that JSON and the journal know are kept, whoever set them.
    """

    def __init__(self, journal: Journal, context: Context) -> None:
        self.journal, self.context = journal, context
        self.is_gate_open = False
        self.steps: list[Step] = []
        self.problems: tuple[Problem, ...] = ()
        self._owners: dict[int, Context | Instance] = {0: context}
        self._done: set[tuple[str, int]] = set()

    def restore(self) -> None:
        """The context is as the last run left it behind the gate; before the gate there is nothing to restore."""
        for event in self.journal.events():
            if event.get("gate") == "open":
                self._restore_gate(event)
            elif "step" in event:
                self._restore_step(event)
            elif "again" in event:
                self._done.difference_update((name, event["number"]) for name in event["again"])

    def _restore_gate(self, event: Mapping[str, Any]) -> None:
        self.is_gate_open = True
        self.context.data.update(event["context"])
        for made in event["instances"]:
            instance = self.context.create_instance(made["name"])
            instance.data.update(made["data"])
            self._owners[NUMBER.get(instance)] = instance
        self.steps = [Step(**step) for step in event["steps"]]
        self.problems = tuple(Problem(**problem) for problem in event["problems"])

    def _restore_step(self, event: Mapping[str, Any]) -> None:
        step = Step(**event["step"])
        self.steps.append(step)
        for number, values in event["sets"].items():
            self._owners[int(number)].data.update(values)
        if step.error is None:
            self._done.add((step.name, event["number"]))

    def is_done(self, plugin_name: str, number: int) -> bool:
        """Whether this step is behind us, in this run or an earlier one."""
        return (plugin_name, number) in self._done

    def look(self, instance: Instance | None) -> Snapshot:
        """Return what the data is before a step on the instance, or on the context, to compare with afterwards."""
        if not self.is_gate_open:
            return []
        touched = [instance] if instance is not None else list(self.context)
        return [(0, self.context, dict(self.context.data))] + [
            (NUMBER.get(each), each, dict(each.data)) for each in touched
        ]

    def note(self, step: Step, number: int, before: Snapshot, error: Exception | None) -> None:
        """The outcome of a step is kept; raises DiskUnusable."""
        self.steps.append(step)
        if not self.is_gate_open:
            return
        if error is None:
            self._done.add((step.name, number))
        sets = {number: _changed(data, owner.data) for number, owner, data in before}
        event: dict[str, Any] = {
            "step": attrs.asdict(step),
            "number": number,
            "sets": sets,
        }
        if error is not None:
            session = SESSION.find(self.context)
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            event["traceback"] = mask("".join(lines), "" if session is None else session.api_key)
        self.journal.note(event)

    def forget(self, names: Sequence[str], number: int) -> None:
        """These plugins have yet to work on the source; raises DiskUnusable."""
        self._done.difference_update((name, number) for name in names)
        self.journal.append({"again": list(names), "number": number})

    def pass_gate(self, problems: tuple[Problem, ...], *, is_open: bool) -> None:
        """What was found is kept, and all that is known of the instances that are left; raises DiskUnusable."""
        self.journal.append(
            {
                "gate": "open" if is_open else "shut",
                "problems": [problem._asdict() for problem in problems],
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
