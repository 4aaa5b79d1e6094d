"""What submits a batch to Deadline and OpenCue."""

import json
import os
import shlex
import sys

import pytest
from doubles.programs import run_process

from ft_dcc.batch import submitters
from ft_dcc.batch.plan import Plan, PlannedItem
from ft_dcc.publish.models import PublishRequest

OUTLINE = """
class Outline:
    def __init__(self, name, **options):
        self.name, self.options, self.layers = name, options, []

    def add_layer(self, layer):
        self.layers.append(layer)
"""
SHELL = """
class Shell:
    def __init__(self, name, *, command, chunk, range):
        self.command, self.chunk, self.range = command, chunk, range
"""
CUERUN = """
import json

def launch(job, *, use_pycuerun):
    (layer,) = job.layers
    print(json.dumps({"show": job.options["show"], "command": layer.command, "range": layer.range}))
"""


@pytest.fixture
def plan(tmp_path):
    request = PublishRequest("Film/SQ010/SH010/Comp", "a.mov")
    problems = {2: ("There is no task.",)}
    ids = [{"index": index, "key": f"k{index}", "server": "http://localhost"} for index in range(5)]
    items = tuple(PlannedItem("", request, problems=problems.get(each["index"], ()), **each) for each in ids)
    return Plan(tmp_path, items)


def arguments(plan):
    return ["publish-item", "--manifest", str(plan.folder / "items.jsonl"), "--to", str(plan.folder / "results")]


@pytest.mark.skipif(os.name == "nt", reason="Other rules of quotation")
def test_deadline_gets_a_command_job_of_the_items_without_problems(plan):
    program, action, *rest = shlex.split(submitters.write_deadline(plan))
    assert (program, action) == ("deadlinecommand", "-SubmitCommandLineJob")
    options = dict(zip(rest[::2], rest[1::2]))
    assert (options["-executable"], options["-frames"], options["-chunksize"]) == ("ft-dcc", "0-1,3-4", "1")
    words = [each.replace("<QUOTE>", "") for each in options["-arguments"].split(" ")]
    assert words == [*arguments(plan), "--index", "<STARTFRAME>"]


def test_opencue_launches_a_layer_of_the_items(plan, tmp_path):
    modules = {"__init__": OUTLINE, "cuerun": CUERUN, "modules/__init__": "", "modules/shell": SHELL}
    (tmp_path / "outline" / "modules").mkdir(parents=True)
    for name, text in modules.items():
        (tmp_path / "outline" / f"{name}.py").write_text(text, encoding="utf-8")
    submit = submitters.write_opencue(plan)
    assert submit == f"python {plan.folder / 'opencue_job.py'}"
    ran = run_process(sys.executable, submit.partition(" ")[2], "film", env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "show": "film",
        "command": ["ft-dcc", *arguments(plan), "--index", "#IFRAME#"],
        "range": "0-1,3-4",
    }
