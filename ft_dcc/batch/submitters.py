"""What submits a plan to Deadline 10, OpenCue, or as Open Job Description to Deadline Cloud.

The tasks only call ``ft-dcc publish-item``. No credential is part of them: the workers read FTRACK_SERVER,
FTRACK_API_USER and FTRACK_API_KEY from their environment, and share the sources, the plan and FT_DCC_JOBS.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from ft_dcc import errors, frames
from ft_dcc.batch.plan import ITEMS, RESULTS, Plan
from ft_dcc.files.atomic import storage_errors, write_atomically
from ft_dcc.system import child_process

ITEMS_PER_TASK = 5
# The scripts are data here: only the program of the farm runs them.
_OPENCUE = '''\
"""Submit the batch to OpenCue: python opencue_job.py."""

import getpass
import sys

import outline
import outline.cuerun
import outline.modules.shell

COMMAND = {command}
RANGE = {indices}

job = outline.Outline("ft-dcc-batch", shot="batch", show=(sys.argv + ["testing"])[1], user=getpass.getuser())
job.add_layer(outline.modules.shell.Shell("publish", command=[*COMMAND, "#IFRAME#"], chunk=1, range=RANGE))
outline.cuerun.launch(job, use_pycuerun=False)
'''


def write_deadline(plan: Plan) -> str:
    """Return the line that submits the job, quoted for this system's shell (Deadline 10, "-SubmitCommandLineJob")."""
    quoted = " ".join(f"<QUOTE>{each}<QUOTE>" if "/" in each or "\\" in each else each for each in _arguments(plan))
    options = {
        "-executable": "ft-dcc",
        "-arguments": f"{quoted} --index <STARTFRAME>",
        "-frames": _indices(plan),
        "-chunksize": "1",
        "-name": "ft-dcc batch",
    }
    words = ["deadlinecommand", "-SubmitCommandLineJob", *(word for pair in options.items() for word in pair)]
    return _command_line(words)


def write_opencue(plan: Plan) -> str:
    """Write a PyOutline script, and return the line that submits the job; raise StorageError."""
    command = ["ft-dcc", *_arguments(plan), "--index"]
    text = _OPENCUE.format(command=json.dumps(command), indices=json.dumps(_indices(plan)))
    return _command_line(["python", str(_write(plan, "opencue_job.py", text))])


def write_openjd(plan: Plan, *, per_task: int = ITEMS_PER_TASK) -> Path:
    """Write the template of an Open Job Description bundle, which the plan's folder then is, and return its path.

    Raises StorageError. Source: https://github.com/OpenJobDescription/openjd-specifications, template of 2023-09 with
    TASK_CHUNKING.
    """
    indices = ",".join(str(item.index) for item in plan.todo)
    arguments = ["publish-item", "--manifest", "{{Param.Manifest}}", "--index", "{{Task.Param.Index}}"]
    parameters = [
        {"name": "Manifest", "type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": ITEMS},
        {"name": "Results", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "OUT", "default": RESULTS},
        {"name": "Command", "type": "STRING", "default": "ft-dcc", "description": "The program on the workers."},
    ]
    chunks = {"defaultTaskCount": per_task, "rangeConstraint": "NONCONTIGUOUS"}
    index = {"name": "Index", "type": "CHUNK[INT]", "range": indices, "chunks": chunks}
    script = {"actions": {"onRun": {"command": "{{Param.Command}}", "args": [*arguments, "--to", "{{Param.Results}}"]}}}
    step = {"name": "Publish", "parameterSpace": {"taskParameterDefinitions": [index]}, "script": script}
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": "ft-dcc batch",
        "parameterDefinitions": parameters,
        "steps": [step],
    }
    return _write(plan, "template.json", json.dumps(template, indent=2))


def parse_indices(text: str) -> list[int]:
    """Return the indices of an OpenJD range, "3", "0-4" or "0-9:3,12"; raise SettingInvalid for other text."""
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


def _arguments(plan: Plan) -> list[str]:
    return ["publish-item", "--manifest", str(plan.folder / ITEMS), "--to", str(plan.folder / RESULTS)]


def _command_line(words: list[str]) -> str:
    return child_process.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _indices(plan: Plan) -> str:
    return frames.format_ranges(tuple(item.index for item in plan.todo)).replace(" ", "")


def _write(plan: Plan, name: str, text: str) -> Path:
    path = plan.folder / name
    with storage_errors(f"{path} cannot be written", "Give another folder."):
        write_atomically(path, text.encode("utf-8"))
    return path
