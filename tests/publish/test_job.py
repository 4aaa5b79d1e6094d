from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ft_dcc.errors import DiskUnusable, JobLocked, JobNotFound
from ft_dcc.publish.job import Job, jobs_folder
from ft_dcc.publish.records import PublishRequest

REQUEST, SERVER = PublishRequest(task="Show/SH010/Animation"), "https://studio.example.com"


def test_a_job_has_a_folder_whose_name_sorts_by_age(tmp_path):
    job = Job.create(tmp_path / "jobs", REQUEST, SERVER)
    assert job.folder.is_dir()
    assert re.fullmatch(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}", job.id)


def test_jobs_lie_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path))
    assert jobs_folder() == tmp_path
    assert jobs_folder(tmp_path / "given") == tmp_path / "given"


def test_a_job_knows_what_was_asked_for(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    assert Job.open(tmp_path, job.id).request() == REQUEST


def test_a_job_without_a_journal_or_with_a_strange_one_cannot_be_opened(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    job.journal.path.write_text('{"format": 99}\n', encoding="utf-8")
    with pytest.raises(JobNotFound, match="another version"):
        job.request()
    job.journal.path.write_text('{"format": 2, "requ', encoding="utf-8")
    with pytest.raises(JobNotFound, match="stopped before it was written down"):
        job.request()
    job.journal.path.unlink()
    with pytest.raises(JobNotFound, match=job.id):
        Job.open(tmp_path, job.id)


@pytest.mark.parametrize("job_id", ["", ".", "..", "../secret", "/etc"])
def test_a_job_id_leads_nowhere_else(tmp_path, job_id):
    with pytest.raises(JobNotFound):
        Job.open(tmp_path, job_id)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "jobs").write_text("a file", encoding="utf-8")
    with pytest.raises(DiskUnusable, match="FT_DCC_JOBS"):
        Job.create(tmp_path / "jobs", REQUEST, SERVER)


def test_two_runners_never_work_on_one_job(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    with job.locked(), pytest.raises(JobLocked, match=job.id), Job(job.folder).locked():
        pass
    with job.locked():
        pass


def test_a_runner_that_was_killed_holds_no_lock(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    script = (
        "import sys, pathlib, ft_dcc.publish.job as j\n"
        "with j.Job(pathlib.Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    runner = subprocess.Popen(
        [sys.executable, "-c", script, str(job.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout.readline() == "locked\n"
    with pytest.raises(JobLocked), job.locked():
        pass
    runner.kill()
    runner.wait()
    with job.locked():
        pass


def test_a_job_that_is_done_keeps_its_words_and_gives_back_its_room(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    (job.media_folder(1) / "film.mp4").write_bytes(b"film")
    job.report.write_text("{}", encoding="utf-8")
    job.finish()
    assert sorted(path.name for path in job.folder.iterdir()) == ["journal.jsonl", "report.json"]
