"""A folder with the items of a batch, and a Dask cluster that publishes them."""

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from uuid import uuid4

from doubles.colour_bars import painted
from doubles.command_line import account_variables, run_command
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.frames import Resolution
from ft_dcc.production.tasks import ensure_task

COLUMNS = ("source", "task", "fps", "comment")


def enable_sigint():
    """Restore SIGINT, which background processes and their children ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Batch:
    def __init__(self, server, session, folder):
        self.folder, self.session, self.jobs = folder, session, folder / "jobs"
        self.project = f"Batch{uuid4().hex[:10]}"
        self.environ = {**os.environ, **account_variables(server, self.jobs), "FT_DCC_REVIEW": ""}
        self.rows = []

    def add_shot(self, name, count=3, task=None, size="64x36", **values):
        task = f"{self.project}/SQ010/{name}/Animation" if task is None else task
        if "NONE" not in task:
            ensure_task(self.session, task)
        (self.folder / name).mkdir()
        for number in range(1001, 1001 + count):
            (self.folder / name / f"{name}.{number}.png").write_bytes(painted(number, Resolution.parse(size)))
        self.rows.append({"source": f"{name}/{name}.%04d.png", "task": task, "fps": "24", "comment": name, **values})

    def write(self, name="shots.csv"):
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            columns = list(dict.fromkeys([*COLUMNS, *(column for row in self.rows for column in row)]))
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.rows)
        return path

    def start(self, *arguments, command="batch", **options):
        line = [sys.executable, "-m", "ft_dcc.cli.main", command, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        if os.name != "nt":
            options["preexec_fn"] = enable_sigint
        return subprocess.Popen(line, env=self.environ, cwd=self.folder, **pipes, **options)

    def run(self, *arguments, command="batch", **variables):
        return run_command(command, *arguments, environ={**self.environ, **variables}, folder=self.folder)

    def run_process(self, *arguments):
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        assert "Traceback" not in stderr
        return subprocess.CompletedProcess([], process.returncode, stdout, stderr)

    def versions(self):
        found = self.session.query(
            f"select version, asset.parent.name from AssetVersion where asset.parent.project.name is '{self.project}'"
        )
        return sorted((each["asset"]["parent"]["name"], each["version"]) for each in found)


@contextmanager
def running_dask(batch, *security, workers=1):
    """Run a Dask scheduler and its workers on this machine; yield the scheduler's address and the workers.

    ``security`` are options of both programs.
    """
    scheduler_file = batch.folder / "scheduler.json"
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "dask", *arguments, *security]
        with (batch.folder / f"dask-{len(started)}.log").open("w") as log:
            started.append(subprocess.Popen(command, env=batch.environ, cwd=batch.folder, stdout=log, stderr=log))
        return started[-1]

    options = ("--host", "127.0.0.1", "--no-dashboard")
    try:
        scheduler = start("scheduler", *options, "--port", "0", "--scheduler-file", str(scheduler_file))
        # The scheduler creates the file before it writes its content.
        wait_until(
            lambda: (scheduler_file.is_file() and scheduler_file.stat().st_size) or scheduler.poll() is not None,
            "the Dask scheduler",
        )
        assert scheduler.poll() is None, (batch.folder / "dask-0.log").read_text("utf-8")
        address = json.loads(scheduler_file.read_text("utf-8"))["address"]
        started_workers = [start("worker", address, *options, "--nthreads", "1", "--no-nanny") for _ in range(workers)]
        yield address.partition("://")[2], started_workers
    finally:
        for process in started:
            process.kill()
            process.wait()
