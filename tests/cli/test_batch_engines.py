"""The engines of a batch make the same files and lose nothing of one that is killed; what submits one to a farm."""

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.batch_folder import running_dask
from doubles.colour_bars import painted
from doubles.host_programs import make_maya, write_maya_scene
from doubles.numbered_images import run_ffmpeg
from doubles.programs import RUN_PROGRAM, run_process, write_program
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.batch import submitters
from ft_dcc.batch.plan import Plan, PlannedItem
from ft_dcc.frames import Resolution
from ft_dcc.media.ffmpeg import find
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.session.transfer.transfer import download

# Items of the mixed batch, eight of them broken; without the variable it does not run.
ITEMS = int(os.environ.get("FT_DCC_BATCH_ITEMS", "0"))
BROKEN = 8
posix = pytest.mark.skipif(os.name == "nt", reason="process groups are killed")


def openjd_command(batch, template):
    program = write_program(batch.folder / "ft-dcc", "from ft_dcc.cli.main import main; main()")
    return [sys.executable, "-m", "openjd", "run", str(template), "-p", f"Command={program}"]


def run_in(batch, command, **options):
    pipes = {"capture_output": True, "encoding": "utf-8", "check": False, "timeout": TIMEOUT_SECONDS}
    return subprocess.run(command, env=batch.environ, cwd=batch.folder, **pipes, **options)


def use_one_processor():
    """Let this process be one of a small machine, on which ffmpeg would use fewer threads."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def digests(batch, asset):
    found = {}
    query = f"select components from AssetVersion where task.project.name is '{batch.project}'"
    components = batch.session.query(f"{query} and asset.name is '{asset}'").one()["components"]
    # The source files stay where they are.
    for component in (each for each in components if each["name"] not in ("main", "scene")):
        path = batch.folder / component["id"]
        download(batch.session, component["id"], path)
        found[component["name"]] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@posix
def test_results_of_all_engines_are_byte_identical_and_a_second_run_makes_nothing_new(batch):
    pytest.importorskip("distributed")
    pytest.importorskip("openjd.cli")
    batch.add_shot("SH010")
    manifest = batch.write()
    assert batch.run(manifest, "--asset", "local", "--engine", "local:2").returncode == 0
    with running_dask(batch) as (address, _):
        assert batch.run_process(manifest, "--asset", "dask", "--engine", f"dask://{address}").returncode == 0
    template = batch.run(manifest, "--asset", "openjd", "--engine", "openjd:bundle").stdout.strip()
    assert batch.environ["FTRACK_API_KEY"] not in Path(template).read_text("utf-8")
    for _ in range(2):
        ran = run_in(batch, openjd_command(batch, template), preexec_fn=use_one_processor)
        assert ran.returncode == 0, ran.stdout[-3000:]
    again = batch.run(manifest, "--asset", "openjd", "--to", "bundle")
    assert "1 items: 0 to publish, 1 done, 0 with problems." in again.stderr
    assert batch.versions() == [("SH010", 1)] * 3
    local = digests(batch, "local")
    assert "ftrackreview-mp4" in local
    assert digests(batch, "dask") == local
    assert digests(batch, "openjd") == local


@contextlib.contextmanager
def on_two_processors():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:2])
    try:
        yield {str(number) for number in sorted(allowed)[:2]}
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two processors, and a system that binds processes to them",
)
def test_each_of_two_workers_on_two_processors_keeps_to_its_own(batch):
    used = batch.folder / "processors"
    note = f"import os; open({str(used)!r}, 'a').write(','.join(map(str, os.sched_getaffinity(0))) + '\\n')\n"
    program = write_program(batch.folder / "ffmpeg", note + RUN_PROGRAM.format(program=str(find("A test"))))
    batch.environ["FT_DCC_FFMPEG"] = str(program)

    def processors(engine):
        used.unlink(missing_ok=True)
        assert batch.run(manifest, "--asset", engine, "--engine", engine).returncode == 0
        return set(used.read_text("utf-8").splitlines())

    for name in ("SH010", "SH020"):
        batch.add_shot(name)
    manifest = batch.write()
    with on_two_processors() as two:
        assert processors("local:2") == two
        (shared,) = processors("local:1")
    assert set(re.split("[-,]", shared)) == two


def make_certificates(folder):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificates of this test")

    def run(*arguments):
        subprocess.run([openssl, *map(str, arguments)], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    run("req", *key, "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=127.0.0.1")
    signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    run("x509", "-req", "-in", "own.csr", *signed_by, "-out", "own.pem", "-days", "2")
    return folder / "ca.pem", folder / "own.pem", folder / "own.key"


@posix
def test_dask_with_tls_publishes_each_item_once_although_a_worker_is_killed(batch):
    """One of them is a scene; a client without a certificate, and a scheduler elsewhere without TLS, are refused."""
    pytest.importorskip("distributed")
    authority, certificate, key = make_certificates(batch.folder)
    security = ("--protocol", "tls", "--tls-ca-file", authority, "--tls-cert", certificate, "--tls-key", key)
    batch.environ.update(FT_DCC_MAYA=str(make_maya(batch.folder)), FT_DCC_FFMPEG=str(find()))
    task = f"{batch.project}/SQ010/SCENE/Animation"
    ensure_task(batch.session, task)
    batch.rows.append({"source": str(write_maya_scene(batch.folder / "shot.ma")), "task": task})
    for name in ("SH010", "SH020"):
        batch.add_shot(name)
    manifest, seen = batch.write(), []
    refused = batch.run(manifest, "--engine", "dask://192.0.2.1:8786")
    assert (refused.returncode, "needs TLS" in refused.stderr) == (2, True)
    with running_dask(batch, *map(str, security), workers=2) as (address, workers):
        engine = ("--engine", f"dask://{address}")
        plain = batch.run_process(manifest, *engine)
        assert (plain.returncode, batch.versions()) == (2, [])
        assert f"The Dask scheduler {address} does not answer" in plain.stderr
        process = batch.start(manifest, *engine, "--tls-ca", authority, "--tls-cert", certificate, "--tls-key", key)
        for line in process.stderr:
            seen.append(line)
            if ": done: " in line:
                workers[0].kill()
                break
        _, rest = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, "".join(seen) + rest
    assert batch.versions() == [("SCENE", 1), ("SH010", 1), ("SH020", 1)]


def add_mixed_items(batch, count):
    """Add sequences, movies and stills to the batch, and eight items of which each is broken in another way."""
    for number in range(count - BROKEN):
        name = f"SH{number:03d}"
        batch.add_shot(name, count=2 + number % 3)
        if number % 3 == 1:
            run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36:r=24:d=0.5", str(batch.folder / name / "movie.mov"))
            batch.rows[-1].update(source=f"{name}/movie.mov")
        elif number % 3 == 2:
            batch.rows[-1].update(source=f"{name}/{name}.1001.png", fps="")
    batch.add_shot("NOTASK", task=f"{batch.project}/SQ010/NONE/Animation")
    batch.add_shot("BADRATE", fps="fast")
    batch.add_shot("NOFRAMES", count=0)
    batch.add_shot("GAP")
    (batch.folder / "GAP" / "GAP.1002.png").unlink()
    batch.add_shot("DAMAGED")
    (batch.folder / "DAMAGED" / "DAMAGED.1002.png").write_bytes(painted(1002, Resolution(64, 36))[:200])
    batch.add_shot("OTHERSIZE")
    (batch.folder / "OTHERSIZE" / "OTHERSIZE.1002.png").write_bytes(painted(1002, Resolution(32, 18)))
    batch.add_shot("NOMOVIE")
    (batch.folder / "NOMOVIE" / "movie.mov").write_bytes(b"not a movie")
    batch.rows[-1].update(source="NOMOVIE/movie.mov")
    batch.rows.append({**batch.rows[0]})
    return [(f"SH{number:03d}", 1) for number in range(count - BROKEN)]


@posix
@pytest.mark.parametrize("engine", ["local", "dask", "openjd"])
def test_mixed_batch_that_is_killed_twice_publishes_each_sound_item_once(batch, engine):
    if not ITEMS:
        pytest.skip("FT_DCC_BATCH_ITEMS=60 runs the mixed batch on each engine")
    expected = add_mixed_items(batch, ITEMS)
    manifest = batch.write()
    with contextlib.ExitStack() as stack:
        run = _engine_command(batch, engine, manifest, stack)
        results = batch.folder / "out" / "results"
        for kills in (1, 2):
            process = subprocess.Popen(
                run, env=batch.environ, cwd=batch.folder, start_new_session=True, stdout=subprocess.DEVNULL
            )
            wait_until(lambda: process.poll() is not None or len(list(results.glob("*.json"))) >= 2 * kills, "results")  # noqa: B023
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        counts = {}

        def is_done():
            # Workers of a killed run finish their item; until then their jobs are locked.
            run_in(batch, run)
            done = batch.run(manifest, "--to", "out", "--dry-run", "--json")
            counts.update(json.loads(done.stdout)["counts"])
            return counts["done"] == len(expected)

        wait_until(is_done, f"{len(expected)} published items", lambda: counts)
    assert batch.versions() == expected
    assert counts == {"problem": BROKEN, "failed": 0, "waiting": 0, "done": len(expected)}


def _engine_command(batch, engine, manifest, stack):
    """Return the command that runs what is left of the batch on the engine, in the folder "out"."""
    cli = [sys.executable, "-m", "ft_dcc.cli.main", "batch", str(manifest), "--to", str(batch.folder / "out")]
    if engine == "local":
        return [*cli, "--engine", "local:2"]
    if engine == "dask":
        pytest.importorskip("distributed")
        address, _ = stack.enter_context(running_dask(batch))
        return [*cli, "--engine", f"dask://{address}"]
    pytest.importorskip("openjd.cli")
    return openjd_command(batch, batch.run(manifest, "--to", "out", "--engine", "openjd:out").stdout.strip())


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
    folder = tmp_path / "it's{{x}}"
    folder.mkdir()
    return Plan(folder, items)


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
    program, *words = shlex.split(submit)
    assert (program, words) == ("python", [str(plan.folder / "opencue_job.py")])
    ran = run_process(sys.executable, *words, "film", env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "show": "film",
        "command": ["ft-dcc", *arguments(plan), "--index", "#IFRAME#"],
        "range": "0-1,3-4",
    }
