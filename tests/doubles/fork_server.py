"""Publish in forked processes, without the cost of a start: ``python fork_server.py`` forks one per line of stdin.

A line is JSON: the session's environment, the jobs folder, the request as the journal writes it, the step at which the
publish kills itself, and the number of simultaneous publishes. The response is a line of JSON: what each has printed,
and how it ended.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doubles.colour_bars import ColourBars
from doubles.server_processes import Helper

from ft_dcc.publish import publisher
from ft_dcc.publish.jobs.journal import read_value, write_value
from ft_dcc.publish.pipeline import runner
from ft_dcc.session import Session


def end():
    os.kill(os.getpid(), signal.SIGKILL)


def make_deadly(step):
    """Kill the process before a plugin runs, or after it has run and before that is recorded."""
    run_one, record_step = runner.PluginRunner._run_one, runner.PluginRunner._record_step

    def deadly_run_one(self, plugin, instance):
        if step == f"before {plugin.__name__} {'' if instance is None else instance.name}":
            end()
        run_one(self, plugin, instance)

    def deadly_record_step(self, outcome, *others):
        if step == f"after {outcome.name} {outcome.source}":
            end()
        record_step(self, outcome, *others)

    runner.PluginRunner._run_one, runner.PluginRunner._record_step = deadly_run_one, deadly_record_step


def publish(job):
    os.environ.update(job["environment"])
    step = job.get("step", "")
    make_deadly(step)

    def on_progress(progress):
        if step == f"{progress.step} {progress.source}" and progress.done * 2 >= progress.total:
            end()

    host = ColourBars() if job.get("has_host") else None
    with Session() as session:
        request = read_value(json.dumps(job["request"]))
        published = publisher.Publisher(session, host, on_progress, Path(job["jobs"])).publish(request)
    return str([version.version for version in published.versions])


def fork(job):
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(theirs)
        return child, ours
    code = 1
    try:
        os.close(ours)
        os.write(theirs, publish(job).encode())
        code = 0
    except BaseException as error:  # noqa: BLE001 - the parent reads it
        os.write(theirs, repr(error).encode())
    finally:
        os._exit(code)


def main():
    for line in sys.stdin:
        job = json.loads(line)
        said = []
        for child, pipe in [fork(job) for _ in range(job.get("count", 1))]:
            with os.fdopen(pipe, encoding="utf-8") as printed:
                text = printed.read()
            _, status = os.waitpid(child, 0)
            said.append([text, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0])
        print(json.dumps(said), flush=True)


class ForkServer(Helper):
    def __init__(self):
        super().__init__(__file__)

    def publish(self, credentials, jobs, request, **options):
        """Return what each publish has printed, and the signal that killed it or 0."""
        environment = {
            "FTRACK_SERVER": credentials.server_url,
            "FTRACK_API_USER": credentials.api_user,
            "FTRACK_API_KEY": credentials.api_key,
        }
        order = {"environment": environment, "jobs": str(jobs), "request": json.loads(write_value(request))}
        return [(text, number) for text, number in self.ask(**order, **options)]


if __name__ == "__main__":
    main()
