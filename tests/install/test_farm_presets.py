"""The files of a deployment for farms, run as each farm runs them, on strict doubles or with its own program."""

import importlib
import json
import os
import sys

import pytest
from doubles.programs import run_process
from doubles.releases import SmallReleases

from ft_dcc.renders.log import derive_render_id


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    share = tmp_path_factory.mktemp("farm") / "share"
    with pytest.MonkeyPatch.context() as patch:
        SmallReleases(patch).deploy(share)
    return share / "farm"


class Job:
    __slots__ = ("JobId", "_environment")

    def __init__(self, job_id, environment):
        self.JobId, self._environment = job_id, environment

    def GetJobEnvironmentKeyValue(self, key):  # noqa: N802 - Deadline's own name
        assert type(key) is str
        return self._environment.get(key, "")


class DeadlinePlugin:
    """Deadline's plugin object: it has the documented methods only, and takes texts only."""

    __slots__ = ("_job", "log", "variables")

    def __init__(self, job):
        self._job, self.variables, self.log = job, {}, []

    def GetJob(self):  # noqa: N802
        if self._job is None:
            raise RuntimeError("the job was deleted")
        return self._job

    def SetProcessEnvironmentVariable(self, key, value):  # noqa: N802
        assert (type(key), type(value)) == (str, str)
        self.variables[key] = value

    def LogInfo(self, text):  # noqa: N802
        assert type(text) is str
        self.log.append(text)

    def LogWarning(self, text):  # noqa: N802
        assert type(text) is str
        self.log.append(f"Warning: {text}")


def preload(farm, job):
    """Run the script as Deadline does, which calls its function __main__."""
    path, names = farm / "deadline" / "JobPreLoad.py", {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)  # noqa: S102
    plugin = DeadlinePlugin(job)
    names["__main__"](plugin)
    return plugin


def test_tasks_of_a_job_of_deadline_belong_to_the_render_with_the_id_of_the_job(farm):
    plugin = preload(farm, Job("65a1", {"PROJECT": "Film"}))
    assert plugin.variables == {"FT_DCC_RENDER": "65a1"}
    assert derive_render_id("", plugin.variables) == "job 65a1"
    assert plugin.log == ["ft-dcc: the tasks of this job belong to the render 65a1"]


def test_a_job_of_deadline_keeps_its_own_render_and_runs_although_its_id_cannot_be_read(farm):
    assert preload(farm, Job("65a1", {"FT_DCC_RENDER": "sh010-comp"})).variables == {}
    plugin = preload(farm, None)
    assert plugin.variables == {}
    assert plugin.log == ["Warning: ft-dcc: this job has no FT_DCC_RENDER: the job was deleted"]


class Layer:
    """A layer of PyOutline, as far as a plugin may use it."""

    __slots__ = ("_environment",)

    def __init__(self, **environment):
        self._environment = environment

    def get_env(self, key, default=None):
        return self._environment.get(key, default)

    def set_env(self, key, value):
        assert key not in self._environment, "PyOutline warns of a variable that is overwritten"
        self._environment[str(key)] = str(value)

    def get_envs(self):
        return self._environment


@pytest.fixture
def plugin(farm, monkeypatch):
    """Return the plugin of PyOutline as its manager imports it: by the name in outline.cfg, from the module path."""
    monkeypatch.syspath_prepend(str(farm / "opencue"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("ft_dcc_opencue")
    del sys.modules["ft_dcc_opencue"]


def test_a_layer_of_opencue_gets_the_variables_of_the_submitter(plugin, monkeypatch):
    monkeypatch.setenv("FT_DCC_RENDER", "sh010-comp-1402")
    monkeypatch.setenv("FT_DCC_RENDERS", "/studio/render-logs")
    monkeypatch.delenv("FT_DCC_RENDER_FRAMES", raising=False)
    layer = Layer(PROJECT="Film")
    plugin.init(layer)
    found = {"PROJECT": "Film", "FT_DCC_RENDER": "sh010-comp-1402", "FT_DCC_RENDERS": "/studio/render-logs"}
    assert layer.get_envs() == found
    assert derive_render_id("", {**found, "CUE_JOB_ID": "b2"}) == "job sh010-comp-1402"


def test_a_layer_of_opencue_keeps_its_own_variables(plugin, monkeypatch):
    monkeypatch.setenv("FT_DCC_RENDER_FRAMES", "1001-1048")
    layer = Layer(FT_DCC_RENDER_FRAMES="1001-1100x2")
    plugin.init(layer)
    assert layer.get_env("FT_DCC_RENDER_FRAMES") == "1001-1100x2"


TASK = """
import json, os, sys
names = ("FT_DCC_RENDER", "FT_DCC_RENDER_FRAMES")
open(sys.argv[1], "w").write(json.dumps({name: os.environ[name] for name in names}))
"""


@pytest.fixture
def run_job(farm, tmp_path):
    pytest.importorskip("openjd.cli")
    environment = farm / "openjd" / "ft_dcc_environment.yaml"
    action = {"command": sys.executable, "args": ["-c", TASK, str(tmp_path / "task.json")]}
    steps = [{"name": "Render", "script": {"actions": {"onRun": action}}}]
    job = {"specificationVersion": "jobtemplate-2023-09", "name": "comp", "steps": steps}
    (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")

    def run(*parameters):
        options = ("--environment", environment, *(word for each in parameters for word in ("-p", each)))
        call(sys.executable, "-m", "openjd", "run", tmp_path / "job.json", *options)
        return json.loads((tmp_path / "task.json").read_text(encoding="utf-8"))

    call(sys.executable, "-m", "openjd", "check", environment)
    return run


def call(*command):
    own = {name: value for name, value in os.environ.items() if not name.startswith("FT_DCC_")}
    done = run_process(*command, env=own)
    assert done.returncode == 0, done.stdout + done.stderr


def test_tasks_of_an_openjd_job_belong_to_the_render_of_its_parameter_or_of_deadline_cloud(run_job):
    found = run_job("FtDccRender=sh010-comp-1402", "FtDccFrames=1001-1100x2")
    assert found == {"FT_DCC_RENDER": "sh010-comp-1402", "FT_DCC_RENDER_FRAMES": "1001-1100x2"}
    assert derive_render_id("", {**run_job(), "DEADLINE_JOB_ID": "job-1"}) == "job job-1"


def test_a_name_in_a_parameter_of_openjd_is_a_text_and_not_a_command(run_job):
    hostile = 'sh010\'; exit 3; "$(exit 4)" `exit 5` %PATH% {{Param.FtDccFrames}} & ünï'
    assert run_job(f"FtDccRender={hostile}", "FtDccFrames=1-2")["FT_DCC_RENDER"] == hostile
