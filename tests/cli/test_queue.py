"""The queue on the command line: waiting jobs run in order, interrupted jobs are resumed."""

import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from doubles.batch_folder import enable_sigint
from doubles.colour_bars import SCENE, ColourBars, painted, write_painted
from doubles.command_line import account_variables, run_command
from doubles.faulty_proxy import FaultyProxy
from doubles.programs import RUN_PROGRAM, write_program
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.batch import unit
from ft_dcc.batch.manifest import Item
from ft_dcc.batch.plan import DONE, make_plan
from ft_dcc.errors import CaptureFailed, EncodeFailed, SettingInvalid, TaskNotFound, TransferFailed
from ft_dcc.frames import Resolution
from ft_dcc.media.ffmpeg import find
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.jobs.queue import process_queue, queue_items
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.plugins import integrate
from ft_dcc.publish.preparation import prepare
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.session import Session
from ft_dcc.session.transport import http

# Runs the command line with short intervals.
WITH_SHORT_INTERVALS = (
    "-c",
    """
import sys
from ft_dcc.cli import main, queue
from ft_dcc.session.transport import http
queue._WATCH_INTERVAL_SECONDS, queue._MAX_WATCH_INTERVAL_SECONDS = 0.2, 0.2
http._RETRY_DELAYS_SECONDS = (0.1,)
sys.exit(main.run(sys.argv[1:]))
""",
)


def connected(server):
    return Session(server.url, server.credentials.api_key, server.credentials.api_user)


def ft_dcc(environ, *arguments):
    return run_command(*arguments, environ=environ)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(http, "wait", lambda *_: None)


@pytest.fixture
def jobs(tmp_path):
    return tmp_path / "jobs"


@pytest.fixture
def environ(studio_server, jobs):
    return {**os.environ, **account_variables(studio_server, jobs)}


@pytest.fixture
def frames(tmp_path):
    write_painted(tmp_path, range(1001, 1005), "sh010")
    return str(tmp_path / "sh010.%04d.png")


@pytest.fixture
def task_path(session, tmp_path):
    path = f"{tmp_path.name}{os.getpid()}/SQ010/SH010/Animation"
    ensure_task(session, path)
    return path


def test_an_empty_queue_is_reported_and_an_unknown_job_id_is_named(environ):
    assert ft_dcc(environ, "queue", "list").stdout == "The queue is empty.\n"
    assert ft_dcc(environ, "queue", "run").returncode == 0
    assert ft_dcc(environ, "queue", "resume").returncode == 1
    for command in ("resume", "show", "drop"):
        done = ft_dcc(environ, "queue", command, "20260101-000000-000000-abcd")
        assert done.returncode == 1
        assert "20260101-000000-000000-abcd" in done.stderr


@pytest.fixture
def away(studio_server, environ):
    """Yield a proxy without a server behind it, until it is set again, and name it in the environment."""
    with FaultyProxy(studio_server.server_url).open() as proxy:
        environ["FTRACK_SERVER"] = proxy.url
        proxy.set(1)
        yield proxy


def test_queued_publishes_run_in_order_when_the_server_is_back(away, session, environ, jobs, frames, task_path):
    for comment in ("first", "second"):
        done = ft_dcc(environ, "publish", frames, "--task", task_path, "--fps", "24", "--comment", comment)
        assert done.returncode == 1
        assert "ft-dcc queue run" in done.stderr
    assert [entry.state for entry in queue_items(jobs)] == ["waiting"] * 2
    assert ft_dcc(environ, "queue", "run").returncode == 1
    away.set()
    done = ft_dcc(environ, "queue", "run")
    assert done.returncode == 0, done.stderr
    task_id = ensure_task(session, task_path)["id"]
    versions = session.query(f"select version, comment from AssetVersion where task_id is '{task_id}'").all()
    found = sorted((version["version"], version["comment"]) for version in versions)
    assert found == [(1, "first"), (2, "second")]
    assert [entry.state for entry in queue_items(jobs)] == ["done"] * 2


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches a whole console there")
def test_queue_watch_waits_for_the_server_and_for_new_jobs(away, environ, jobs, frames, task_path):
    request = PublishRequest(task_path, frames, fps=Fraction(24), review="Dailies")
    first = prepare(request, away.url, jobs=jobs)
    watching = start(environ, *WITH_SHORT_INTERVALS, "queue", "run", "--watch")
    try:
        assert line_with(watching, "Next attempt in")
        away.set()
        assert line_with(watching, f"{first.id}: done")
        second = prepare(request, away.url, jobs=jobs)
        assert line_with(watching, f"{second.id}: done")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=TIMEOUT_SECONDS) == 130
    finally:
        watching.kill()
        watching.communicate()
    assert [entry.state for entry in queue_items(jobs)] == ["done", "done"]


def start(environ, *arguments):
    options = {"stderr": subprocess.PIPE, "encoding": "utf-8", "preexec_fn": enable_sigint}
    return subprocess.Popen([sys.executable, *arguments], env=environ, **options)


def line_with(process, text):
    return next((line for line in process.stderr if text in line), "")


def test_show_prints_request_and_result_of_a_job(session, environ, jobs, frames, task_path):
    published = publish(PublishRequest(task_path, frames, fps=Fraction(24), comment="look"), session, jobs=jobs)
    shown = json.loads(ft_dcc(environ, "queue", "show", published.job.name, "--json").stdout)
    assert shown["state"] == "done"
    assert shown["versions"] == [published.first.version_id]
    assert (shown["request"]["comment"], shown["request"]["fps"]) == ("look", "24")
    text = ft_dcc(environ, "queue", "show", published.job.name).stdout
    assert "look" in text and published.first.version_id in text


def test_a_refused_job_has_its_reason_and_does_not_stop_the_queue(session, environ, jobs, frames, task_path):
    with pytest.raises(TaskNotFound):
        publish(PublishRequest("No/Such/Task", frames), session, jobs=jobs)
    waiting = prepare(PublishRequest(task_path, frames, fps=Fraction(24)), session.server_url, jobs=jobs)
    refused, _ = queue_items(jobs)
    assert refused.state == "failed"
    assert "No/Such/Task" in refused.problems[0]
    done = ft_dcc(environ, "queue", "run")
    assert done.returncode == 1
    assert f"{waiting.id}: done" in done.stderr
    assert f"{refused.job.id} failed. There is no task" in done.stderr
    assert done.stdout == "sh010: version 1\n"


class FailingBars(ColourBars):
    can_capture = False

    def playblast(self, request, on_frame):
        if not self.can_capture:
            raise CaptureFailed("Colour bars did not write its frames.")
        return super().playblast(request, on_frame)


def test_a_host_with_the_scene_open_resumes_the_job(session, environ, jobs, task_path, tmp_path):
    scene = tmp_path / "shot.bars"
    host = FailingBars(attrs.evolve(SCENE, path=scene))
    with pytest.raises(CaptureFailed):
        publish(PublishRequest(task_path), session, host, jobs=jobs)
    (entry,) = queue_items(jobs)
    assert (entry.state, entry.scene, entry.host) == ("needs its scene", scene, "Colour bars")
    done = ft_dcc(environ, "queue", "run")
    assert (done.returncode, [entry.state for entry in queue_items(jobs)]) == (1, ["needs its scene"])
    assert done.stderr.startswith(
        f"{entry.job.id} needs its scene. Open {scene} in Colour bars and resume the job there, "
        f"or: ft-dcc queue resume {entry.job.id}"
    )
    other = ColourBars(attrs.evolve(SCENE, path=tmp_path / "other.bars"))
    assert list(process_queue(Publisher(session, other, jobs=jobs))) == []
    host.can_capture = True
    (outcome,) = process_queue(Publisher(session, host, jobs=jobs))
    assert (outcome.is_done, host.captures) == (True, 1)


def test_a_publish_with_an_interrupted_upload_is_retried(session, jobs, frames, task_path, tmp_path, monkeypatch):
    other = str(tmp_path / "sh020.%04d.png")
    for frame in range(1001, 1003):
        Path(other % frame).write_bytes(painted(frame, Resolution(64, 36)))
    broken, upload = [], integrate.upload

    def break_off_once(session, path, **options):
        if path.parent.name == "2" and not broken:
            broken.append(path)
            raise TransferFailed("The upload was cut off.")
        return upload(session, path, **options)

    monkeypatch.setattr(integrate, "upload", break_off_once)
    prepare(PublishRequest(task_path, (frames, other), fps=Fraction(24)), session.server_url, jobs=jobs)
    (first,) = process_queue(Publisher(session, jobs=jobs))
    assert [version.source for version in first.published.versions] == ["sh010"]
    assert (first.is_done, first.is_retryable) == (False, True)
    (second,) = process_queue(Publisher(session, jobs=jobs))
    assert [version.source for version in second.published.versions] == ["sh010", "sh020"]
    assert (second.is_done, [entry.state for entry in queue_items(jobs)]) == (True, ["done"])


def test_a_job_for_another_server_or_locked_by_another_process_is_skipped(session, environ, jobs, frames, task_path):
    other = prepare(PublishRequest(task_path, frames, fps=Fraction(24)), "https://other.example.com", jobs=jobs)
    done = ft_dcc(environ, "queue", "run")
    assert done.returncode == 0
    assert "waits for another server: https://other.example.com" in done.stderr
    assert [entry.state for entry in queue_items(jobs)] == ["waiting"]
    other.remove()
    job = prepare(PublishRequest(task_path, frames, fps=Fraction(24)), session.server_url, jobs=jobs)
    with job.locked():
        assert [entry.state for entry in queue_items(jobs)] == ["running"]
        assert ft_dcc(environ, "queue", "run").returncode == 0
    assert ft_dcc(environ, "queue", "resume").returncode == 0


def test_a_job_follows_its_studio_to_another_address_and_goes_to_no_other_studio(start_server, jobs, frames, tmp_path):
    request = PublishRequest("Film/SQ010/SH010/Animation", frames, fps=Fraction(24))
    here, other = start_server(tmp_path / "studio"), start_server(tmp_path / "other")
    with connected(here) as session, connected(other) as stranger:
        ensure_task(session, request.task), ensure_task(stranger, request.task)
        publish(attrs.evolve(request, asset="First"), session, jobs=jobs)
        items = [Item("here", request)]
        (planned,) = make_plan(session, items, tmp_path / "batch").items
    # Nothing has answered since, so the job learns the studio from the one before.
    waiting = prepare(request, here.url, jobs=jobs)
    here.stop()
    moved = start_server(tmp_path / "studio")
    assert moved.url != here.url
    with connected(moved) as session:
        assert [each.key for each in make_plan(session, items, tmp_path / "batch").items] == [planned.key]
        assert unit.publish_item(planned, tmp_path / "batch" / "results", session).state == DONE
    with connected(other) as stranger:
        assert "planned for" in unit.publish_item(planned, tmp_path / "others", stranger).problems[0]
        publisher = Publisher(stranger, jobs=jobs)
        assert list(process_queue(publisher)) == []
        for refused in (publisher.resume, publisher.drop):
            with pytest.raises(SettingInvalid, match=f"belongs to another studio, at {here.url}"):
                refused(waiting.id)
    assert ft_dcc({**os.environ, **account_variables(moved.credentials, jobs)}, "queue", "run").returncode == 0
    assert [(item.state, item.server) for item in queue_items(jobs)] == [("done", here.url), ("done", moved.url)]


def test_a_job_that_is_dropped_without_its_server_is_not_published_later(session, environ, jobs, frames, task_path):
    away = {**environ, "FTRACK_SERVER": "http://127.0.0.1:9"}
    untouched = prepare(PublishRequest(task_path, frames), session.server_url, jobs=jobs)
    assert ft_dcc(away, "queue", "drop", untouched.id).returncode == 0
    assert not untouched.folder.exists()

    job = prepare(PublishRequest(task_path, frames, fps=Fraction(24)), session.server_url, jobs=jobs)
    job.journal.append({"validation": "passed", "problems": [], "steps": [], "context": {}, "instances": []})
    done = ft_dcc(away, "queue", "drop", job.id)
    assert (done.returncode, "the next 'ft-dcc queue run' deletes it" in done.stderr) == (1, True)
    assert [entry.state for entry in queue_items(jobs)] == ["rollback pending"]
    assert ft_dcc(environ, "queue", "run").returncode == 0
    assert list(jobs.iterdir()) == []
    task_id = ensure_task(session, task_path)["id"]
    assert session.query(f"AssetVersion where task_id is '{task_id}'").all() == []


def test_a_job_with_an_unreadable_journal_is_listed_and_can_be_dropped(environ, jobs):
    texts = {"a": ("{}\n", "another version"), "b": ("", "before its request was written"), "c": ("\0\n", "in line 1")}
    for name, (text, _) in texts.items():
        (jobs / name).mkdir(parents=True)
        (jobs / name / "journal.jsonl").write_text(text, encoding="utf-8")
    listed = ft_dcc({**environ, "COLUMNS": "200"}, "queue", "list").stdout.splitlines()[1:]
    assert sorted(line.split()[:2] for line in listed) == [[name, "unreadable"] for name in texts]
    assert [reason in line for line, (_, reason) in zip(sorted(listed), texts.values())] == [True] * 3
    assert ft_dcc(environ, "queue", "drop", "c").returncode == 0
    assert sorted(path.name for path in jobs.iterdir()) == ["a", "b"]


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches a whole console there")
def test_ctrl_c_prints_the_job_and_the_resume_command(session, environ, jobs, frames, task_path, tmp_path):
    started = tmp_path / "started"
    # Waits in place of each encode.
    wait = f"if {str(jobs)!r} in ' '.join(sys.argv): open({str(started)!r}, 'w').close(); time.sleep(600)"
    code = f"import sys, time\n{wait}\n{RUN_PROGRAM.format(program=str(find('A test')))}"
    program = write_program(tmp_path / "ffmpeg", code)
    command = ("-m", "ft_dcc.cli.main", "publish", frames, "--task", task_path, "--fps", "24")
    running = start({**environ, "FT_DCC_FFMPEG": str(program)}, *command)
    wait_until(lambda: started.exists() or running.poll() is not None, "the encode")
    running.send_signal(signal.SIGINT)
    printed = running.communicate(timeout=TIMEOUT_SECONDS)[1]
    assert running.returncode == 130
    (entry,) = queue_items(jobs)
    assert f"ft-dcc queue resume {entry.job.id}" in printed
    assert ft_dcc(environ, "queue", "resume", entry.job.id).returncode == 0
    assert session.query(
        f"select id from AssetVersion where task.parent.parent.name is 'SQ010' "
        f"and task.project.name is '{task_path.split('/')[0]}'"
    ).one()


def test_a_publish_without_one_of_its_sources_exits_with_3(environ, frames, task_path, session, jobs, monkeypatch):
    """Two sources, one of them with a gap: the good one is published, and the exit code asks the artist."""
    from ft_dcc.cli.publish import print_result
    from ft_dcc.cli.terminal.output import Output

    gap = str(Path(frames).with_name("gap.%04d.png"))
    for frame in (1, 3):
        Path(gap % frame).write_bytes(painted(frame, Resolution(64, 36)))
    published = publish(PublishRequest(task_path, (frames, gap), fps=Fraction(24)), session, jobs=jobs)
    assert len(published.versions) == 1
    assert print_result(Output(), published) == 3


@pytest.fixture
def cli(environ):
    def run(*arguments, **variables):
        done = run_command(*arguments, environ={**environ, **variables})
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_job_with_a_permanent_error_fails_once_and_can_be_retried(session, cli, jobs, frames, task_path, monkeypatch):
    job = prepare(PublishRequest(task_path, frames, fps=Fraction(24)), session.server_url, jobs=jobs)
    runs = []

    def refuse(*arguments, **options):
        runs.append(1)
        raise EncodeFailed("ffmpeg stopped with code 1.")

    with monkeypatch.context() as patch:
        patch.setattr(integrate, "upload", refuse)
        assert cli("queue", "run")[0] == 1
        (item,) = queue_items(jobs)
        assert item.state == "failed"
        assert "ffmpeg stopped with code 1." in item.problems[0]
        attempts = len(runs)
        code, _, printed = cli("queue", "run")
        assert (code, len(runs)) == (1, attempts)
        assert f"Try it again: ft-dcc queue resume {job.id}." in printed
    code, made, _ = cli("queue", "run", "--retry-failed")
    assert (code, made) == (0, "sh010: version 1\n")
    assert [entry.state for entry in queue_items(jobs)] == ["done"]


def test_an_older_attempt_is_not_published_after_a_newer_one(session, cli, jobs, frames, task_path):
    older = prepare(PublishRequest(task_path, frames, fps=Fraction(24)), session.server_url, jobs=jobs)
    other = str(Path(frames).with_name("sh010.####.png"))
    newer = publish(PublishRequest(task_path, other, fps=Fraction(24)), session, jobs=jobs)
    item = queue_items(jobs)[0]
    assert (item.job.id, item.state, item.successor) == (older.id, "superseded", newer.job.name)
    assert not item.can_resume(None)
    for command in (("queue", "run"), ("queue", "run", "--retry-failed")):
        assert cli(*command)[:2] == (0, "Nothing was published.\n")
    code, _, printed = cli("queue", "resume", older.id)
    assert (code, f"The later job {newer.job.name} has published its source." in printed) == (3, True)


def test_jobs_for_another_asset_task_or_source_are_not_superseded(session, jobs, frames, task_path):
    ensure_task(session, f"{task_path}2")
    other = Path(frames).with_name("sh020.1001.png")
    other.write_bytes(painted(1, Resolution(64, 36)))
    request = PublishRequest(task_path, frames, fps=Fraction(24))
    for change in ({"asset": "Other"}, {"task": f"{task_path}2"}, {"source": str(other)}):
        prepare(attrs.evolve(request, **change), session.server_url, jobs=jobs)
    publish(request, session, jobs=jobs)
    assert [item.state for item in queue_items(jobs)] == ["waiting"] * 3 + ["done"]


def test_a_job_is_compared_with_newer_ones_right_before_it_runs(session, jobs, frames, task_path):
    request = PublishRequest(task_path, frames, fps=Fraction(24))
    other = Path(frames).with_name("sh020.1001.png")
    other.write_bytes(painted(1, Resolution(64, 36)))
    prepare(attrs.evolve(request, source=str(other)), session.server_url, jobs=jobs)
    prepare(request, session.server_url, jobs=jobs)
    outcomes = process_queue(Publisher(session, jobs=jobs))
    assert next(outcomes).is_done
    # While the queue runs, the artist publishes the second source again.
    publish(request, session, jobs=jobs)
    (skipped,) = outcomes
    assert "has published its source" in str(skipped.error)
    task_id = ensure_task(session, task_path)["id"]
    assert len(session.query(f"select id from AssetVersion where task_id is '{task_id}'").all()) == 2


def test_the_list_has_the_age_and_the_reason_of_each_job(session, cli, jobs, frames, monkeypatch):
    # Its own name only: pytest asks for the width of the terminal, too.
    terminal = SimpleNamespace(get_terminal_size=lambda *_: os.terminal_size((100, 24)))
    monkeypatch.setattr("ft_dcc.cli.queue.shutil", terminal)
    with pytest.raises(TaskNotFound):
        publish(PublishRequest("No/Such/Task", frames), session, jobs=jobs)
    (item,) = queue_items(jobs)
    now = item.created + 7300
    with monkeypatch.context() as patch:
        patch.setattr("ft_dcc.cli.queue.time.time", lambda: now)
        _, listed, _ = cli("queue", "list")
    heading, line = listed.splitlines()
    assert heading.split() == ["JOB", "STATE", "AGE", "SOURCE", "TASK", "REASON"]
    assert line.split()[:4] == [item.job.id[-4:], "failed", "2", "h"]
    # The reason takes what is left of the line, less for a long path of the frames.
    assert f"{Path(frames).parent.name[-14:]}/sh010.%04d.png  Such/Task  There is" in line
    prepare(PublishRequest("A/B", f"/{'long' * 30}.png"), session.server_url, jobs=jobs)
    assert max(map(len, cli("queue", "list")[1].splitlines())) == 100
    shown = [cli("queue", "list", "--state", "failed", "--match", text)[1].count("\n") for text in ("such", "xyz")]
    assert (shown, "1 of 2 jobs" in cli("queue", "list", "--limit", "1")[2]) == ([2, 1], True)
    report = json.loads(cli("queue", "list", "--json")[1])["jobs"][1]
    assert (report["state"], report["created"][-6:]) == ("failed", "+00:00")


def test_the_list_has_the_reason_of_each_waiting_job(session, environ, jobs, frames, task_path):
    request = PublishRequest(task_path, frames, fps=Fraction(24))
    (queued, interrupted, lost, other) = (
        prepare(request, server, jobs=jobs) for server in (*(session.server_url,) * 3, "https://other.example.com")
    )
    interrupted.journal.append({"requested": "publish"})
    lost.journal.append({"requested": "publish"})
    lost.journal.append({"stopped": "The upload was cut off.", "can_retry": True})
    lines = ft_dcc({**environ, "COLUMNS": "300"}, "queue", "list").stdout.splitlines()[1:]
    listed = {job.id: line for job, line in zip((other, lost, interrupted, queued), lines)}
    assert {line.split()[1] for line in listed.values()} == {"waiting"}
    assert listed[queued.id].endswith(f"  {session.server_url} did not answer.")
    assert listed[interrupted.id].endswith("  It was interrupted.")
    assert listed[lost.id].endswith("  The upload was cut off.")
    assert listed[other.id].endswith("  It waits for another server: https://other.example.com.")
    reported = json.loads(ft_dcc(environ, "queue", "list", "--json").stdout)["jobs"]
    assert {job["job"]: job["reason"] for job in reported}[interrupted.id] == "It was interrupted."


def test_a_job_is_found_by_the_beginning_or_end_of_its_id(session, cli, jobs, frames):
    for name in ("20260101-aaaa", "20260102-abcd", "20260102-ffff"):
        prepare(PublishRequest("T", frames), session.server_url, jobs=jobs, job_id=name)
    assert "20260101-aaaa" in cli("queue", "show", "20260101")[1]
    assert cli("queue", "drop", "abcd")[1] == "Deleted 20260102-abcd.\n"
    code, _, printed = cli("queue", "show", "2026010")
    assert (code, "'2026010' names 2 jobs: 20260101-aaaa, 20260102-ffff." in printed) == (1, True)


def test_clear_deletes_done_and_superseded_jobs_and_failed_ones_on_request(session, cli, jobs, frames, task_path):
    request = PublishRequest(task_path, frames, fps=Fraction(24))
    prepare(request, session.server_url, jobs=jobs)
    publish(request, session, jobs=jobs)
    with pytest.raises(TaskNotFound):
        publish(PublishRequest("No/Such/Task", frames), session, jobs=jobs)
    waiting = prepare(request, session.server_url, jobs=jobs)
    assert [item.state for item in queue_items(jobs)] == ["superseded", "done", "failed", "waiting"]
    assert cli("queue", "clear", "--days", "1")[1] == "Deleted 0 jobs.\n"
    assert cli("queue", "clear")[1] == "Deleted 2 jobs.\n"
    assert cli("queue", "clear", "--failed")[1] == "Deleted 1 job.\n"
    assert [item.job for item in queue_items(jobs)] == [waiting]


def test_a_refused_publish_leaves_no_job_also_while_the_server_is_away(cli, jobs, frames, task_path, tmp_path):
    away = {"FTRACK_SERVER": "http://127.0.0.1:9"}
    (tmp_path / "text.mov").write_text("no movie")
    (tmp_path / "text.png").write_text("no image")
    for name in ("missing.mov", "missing.%04d.png", "text.mov", "text.png"):
        code, _, printed = cli("publish", tmp_path / name, "--task", "A/B/C", "--fps", "24", **away)
        assert (code, name in printed) == (3, True)
        assert queue_items(jobs) == []
    for source, task in (("missing.%04d.png", task_path), ("notes.docx", task_path), (frames, "No/Task"), (frames, "")):
        code, _, printed = cli("publish", source, "--task", task, "--fps", "24")
        assert (code, queue_items(jobs)) == (3, [])
    assert cli("publish", frames, "--task", task_path, "--frames", "1-9", "--repair")[0] == 3
    assert queue_items(jobs) == []
    code, _, printed = cli("publish", frames, "--task", "A/B/C", "--fps", "24", **away)
    assert (code, "ft-dcc queue run" in printed) == (1, True)
    assert [item.state for item in queue_items(jobs)] == ["waiting"]


def test_a_dry_run_prints_a_table_and_publishes_nothing(session, cli, jobs, frames, task_path):
    command = ["publish", frames, "--task", task_path, "--fps", "24", "--review", "Dailies", "--dry-run"]
    code, printed, _ = cli(*command)
    heading, row = printed.splitlines()
    assert (code, heading.split()) == (0, ["SOURCE", "TASK", "ASSET", "FRAMES", "FPS", "RESOLUTION", "REVIEW"])
    assert row.split() == ["sh010", task_path, "Animation", "1001-1004", "24", "64x36", "Dailies"]
    assert queue_items(jobs) == []
    task_id = ensure_task(session, task_path)["id"]
    assert session.query(f"select id from AssetVersion where task_id is '{task_id}'").all() == []
    code, printed, problems = cli(*command, "--frames", "1001-1009", "--json")
    assert (code, queue_items(jobs)) == (3, [])
    assert json.loads(printed)["problems"][0]["check"] == "Missing frames" and "1005-1009" in problems


def test_quiet_shows_no_progress_and_prints_problems(session, cli, jobs, frames, task_path):
    code, printed, progress = cli("publish", frames, "--task", task_path, "--fps", "24", "--quiet")
    assert (code, printed, progress) == (0, "sh010: version 1\n", "")
    code, _, problems = cli("publish", frames, "--task", "No/Such/Task", "--quiet")
    assert (code, "There is no task No/Such/Task" in problems) == (3, True)


def test_versions_are_added_to_a_review_session_and_opened(session, cli, jobs, frames, task_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    project = task_path.split("/")[0]
    version = publish(PublishRequest(task_path, frames, fps=Fraction(24)), session, jobs=jobs).first
    path = f"{project}/SQ010/SH010/Animation/v001"
    code, _, printed = cli("open", path)
    assert (code, "in no review session. Add it with: ft-dcc review add" in printed) == (2, True)
    assert cli("review", "create", "Look", "--project", project, "--description", "For the client")[0] == 0
    added = ("review", "add", path, version.version_id, "--to", "Look", "--project", project, "--description", "Second")
    assert cli(*added)[:2] == (0, "1 added to 'Look', 0 in it already.\n")
    assert cli(*added)[1] == "0 added to 'Look', 1 in it already.\n"
    review = session.query(f"select description from ReviewSession where project.name is '{project}'").one()
    (member,) = session.query(
        "select name, version, description, version_id from ReviewSessionObject "
        f"where review_session_id is '{review['id']}'"
    ).all()
    assert (review["description"], member["description"]) == ("For the client", "Second")
    assert (member["name"], member["version"]) == ("SH010 Animation", "Version 1")
    assert member["version_id"] == version.version_id
    _, link, _ = cli("open", path)
    assert opened == [link.strip()] and link.strip().endswith(f"#{member['id']}")
    _, review_link, _ = cli("open", review["id"], "--print")
    assert review_link.strip() == link.strip().partition("#")[0] and len(opened) == 1
    assert cli("review", "add", "no-such-id", "--to", review["id"])[0] == 2
