"""The engine ``openjd:DIR``: an Open Job Description bundle, which ``openjd run`` and Deadline Cloud take.

Source: https://github.com/OpenJobDescription/openjd-specifications, template of 2023-09 with TASK_CHUNKING.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ft_dcc import errors
from ft_dcc.batch.plan import ITEMS, RESULTS, Plan
from ft_dcc.files.atomic import write_atomically

ITEMS_PER_TASK = 5


def write_bundle(plan: Plan, *, per_task: int = ITEMS_PER_TASK) -> Path:
    """Write the template to the plan's folder, which is then a bundle, and return its path; raise StorageError.

    No credential is part of it: the workers read FTRACK_SERVER, FTRACK_API_USER and FTRACK_API_KEY from their
    environment, and FT_DCC_JOBS must name a folder that all of them share.
    """
    template = plan.folder / "template.json"
    try:
        write_atomically(template, json.dumps(_template(plan, per_task), indent=2).encode("utf-8"))
    except OSError as error:
        raise errors.StorageError(
            f"The bundle {plan.folder} cannot be written: {error.strerror}. Give another folder: openjd:DIR."
        ) from error
    return template


def _template(plan: Plan, per_task: int) -> dict[str, Any]:
    indices = ",".join(str(item.index) for item in plan.todo)
    arguments = ["publish-item", "--manifest", "{{Param.Manifest}}", "--index", "{{Task.Param.Index}}"]
    parameters = [
        {"name": "Manifest", "type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": ITEMS},
        {"name": "Results", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "OUT", "default": RESULTS},
        {"name": "Command", "type": "STRING", "default": "ft-dcc", "description": "The program on the workers."},
    ]
    chunks = {"defaultTaskCount": per_task, "rangeConstraint": "NONCONTIGUOUS"}
    index = {"name": "Index", "type": "CHUNK[INT]", "range": indices, "chunks": chunks}
    action = {"command": "{{Param.Command}}", "args": [*arguments, "--out", "{{Param.Results}}"]}
    step = {
        "name": "Publish",
        "parameterSpace": {"taskParameterDefinitions": [index]},
        "script": {"actions": {"onRun": action}},
    }
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": "ft-dcc batch",
        "parameterDefinitions": parameters,
        "steps": [step],
    }


def parse_indices(text: str) -> list[int]:
    """Return the indices of an OpenJD range expression: "3", "0-4" or "0-9:3,12".

    Raises SettingInvalid for other text.
    """
    indices: list[int] = []
    for part in text.split(","):
        first, _, rest = part.strip().partition("-")
        last, _, step = rest.partition(":")
        try:
            indices += range(int(first), int(last or first) + 1, int(step or 1))
        except ValueError as error:
            raise errors.SettingInvalid(
                f"{text!r} is not a range of indices. Write it as 3, 0-4 or 0-9:3,12."
            ) from error
    return indices
