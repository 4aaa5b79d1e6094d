"""What submits a plan to Deadline 10, OpenCue or Flamenco; the tasks only call ``ft-dcc publish-item``.

As in the bundle for Open Job Description, no credential is part of them: the workers read FTRACK_SERVER,
FTRACK_API_USER and FTRACK_API_KEY from their environment, and share the sources, the plan and FT_DCC_JOBS.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

from ft_dcc import errors
from ft_dcc.batch.plan import ITEMS, RESULTS, Plan
from ft_dcc.files.atomic import write_atomically, write_remedy
from ft_dcc.frames import format_ranges

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
_FLAMENCO = """\
// A job type of Flamenco: copy this file into the folder "scripts" of the manager.
const JOB_TYPE = {{
    label: "ft-dcc batch",
    settings: [
        {{ key: "command", type: "string", default: "ft-dcc" }},
        {{ key: "arguments", type: "string", default: {arguments}, visible: "web" }},
        {{ key: "indices", type: "string", default: {indices} }},
    ],
}};

function compileJob(job) {{
    const values = JSON.parse(job.settings.arguments);
    for (const range of job.settings.indices.split(",")) {{
        const [first, last] = range.split("-").map(Number);
        for (let index = first; index <= (last === undefined ? first : last); index++) {{
            const task = author.Task("publish-" + index, "misc");
            const args = values.concat(["--index", String(index)]);
            task.addCommand(author.Command("exec", {{ exe: job.settings.command, args: args }}));
            job.addTask(task);
        }}
    }}
}}
"""


def deadline_command(plan: Plan) -> str:
    """Return the command line that submits the job, quoted for the shell of this system.

    Source: Deadline 10, "Manual Job Submission", option -SubmitCommandLineJob.
    """
    quoted = " ".join(f"<QUOTE>{each}<QUOTE>" if "/" in each or "\\" in each else each for each in _arguments(plan))
    options = {
        "-executable": "ft-dcc",
        "-arguments": f"{quoted} --index <STARTFRAME>",
        "-frames": _indices(plan),
        "-chunksize": "1",
        "-name": "ft-dcc batch",
    }
    words = ["deadlinecommand", "-SubmitCommandLineJob", *(word for pair in options.items() for word in pair)]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def write_opencue(plan: Plan) -> str:
    """Write a PyOutline script, and return the line that submits the job; raise StorageError."""
    command = ["ft-dcc", *_arguments(plan), "--index"]
    text = _OPENCUE.format(command=json.dumps(command), indices=json.dumps(_indices(plan)))
    return f"python {_write(plan, 'opencue_job.py', text)}"


def write_flamenco(plan: Plan) -> str:
    """Write a job type of Flamenco, whose settings are those of this plan, and return its path; raise StorageError."""
    arguments = json.dumps(json.dumps(_arguments(plan)))
    text = _FLAMENCO.format(arguments=arguments, indices=json.dumps(_indices(plan)))
    return str(_write(plan, "ft_dcc_batch.js", text))


def _arguments(plan: Plan) -> list[str]:
    return ["publish-item", "--manifest", str(plan.folder / ITEMS), "--out", str(plan.folder / RESULTS)]


def _indices(plan: Plan) -> str:
    return format_ranges(tuple(item.index for item in plan.todo)).replace(" ", "")


def _write(plan: Plan, name: str, text: str) -> Path:
    path = plan.folder / name
    try:
        write_atomically(path, text.encode("utf-8"))
    except OSError as error:
        raise errors.StorageError(
            f"{path} cannot be written: {error.strerror}. {write_remedy(error, 'Give another folder.')}"
        ) from error
    return path
