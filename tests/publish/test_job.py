import re
import subprocess
import sys

import pytest

from ft_dcc.errors import JobLocked, JobNotFound, StorageError
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.models import PublishRequest

REQUEST, SERVER = PublishRequest(task="Show/SH010/Animation"), "https://studio.example.com"


def test_job_folder_names_sort_by_age(tmp_path):
    job = Job.create(tmp_path / "jobs", REQUEST, SERVER)
    assert job.folder.is_dir()
    assert re.fullmatch(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}", job.id)


def test_jobs_folder_is_read_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path))
    assert jobs_folder() == tmp_path
    assert jobs_folder(tmp_path / "given") == tmp_path / "given"


def test_job_returns_its_request(tmp_path):
    assert Job.open(tmp_path, Job.create(tmp_path, REQUEST, SERVER).id).request() == REQUEST


def test_job_with_a_missing_or_foreign_journal_is_rejected(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    job.journal.path.write_text('{"format": 99}\n', encoding="utf-8")
    job = Job.open(tmp_path, job.id)
    with pytest.raises(JobNotFound, match="another version"):
        job.request()
    job.journal.path.write_text('{"format": 3, "requ', encoding="utf-8")
    with pytest.raises(JobNotFound, match="stopped before its request was written"):
        job.request()
    job.journal.path.unlink()
    with pytest.raises(JobNotFound, match=job.id):
        Job.open(tmp_path, job.id)


@pytest.mark.parametrize("job_id", ["", ".", "..", "../secret", "/etc"])
def test_job_id_with_a_path_is_rejected(tmp_path, job_id):
    with pytest.raises(JobNotFound):
        Job.open(tmp_path, job_id)


def test_folder_that_cannot_be_created_is_named(tmp_path):
    (tmp_path / "jobs").write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError, match="FT_DCC_JOBS"):
        Job.create(tmp_path / "jobs", REQUEST, SERVER)


def test_locked_job_cannot_be_locked_again(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    with job.locked(), pytest.raises(JobLocked, match=job.id), Job(job.folder).locked():
        pass
    with job.locked():
        pass


def test_killed_process_releases_the_job_lock(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    script = (
        "import sys, pathlib, ft_dcc.publish.jobs.job as j\n"
        "with j.Job(pathlib.Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(job.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(JobLocked), job.locked():
            pass
        process.kill()
    with job.locked():
        pass


def test_finished_job_keeps_journal_and_report_and_deletes_media(tmp_path):
    job = Job.create(tmp_path, REQUEST, SERVER)
    (job.media_folder(1) / "film.mp4").write_bytes(b"film")
    job.report.write_text("{}", encoding="utf-8")
    job.finish()
    assert sorted(path.name for path in job.folder.iterdir()) == ["journal.jsonl", "report.json"]
