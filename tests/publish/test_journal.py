import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from ft_dcc.errors import JobLocked, JobNotFound, StorageError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import EncodedFile
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.jobs.journal import Journal, read_value, write_value
from ft_dcc.publish.models import Asset, Clip, Component, PublishedVersion, PublishRequest, Review, Shot, Source, Task

RANGE, RATE, SIZE = FrameRange(993, 1040, 8), Fraction(24000, 1001), Resolution(1280, 720)


@pytest.mark.parametrize(
    "value",
    [
        Frames("/shots/sh010.%04d.png", RANGE, RATE, SIZE),
        EncodedFile(Path("film.mp4"), "ftrackreview-mp4", SIZE, RATE, 48, 1234),
        EncodedFile(Path("thumbnail.jpg"), "thumbnail", SIZE, None, 1, 99),
        Clip(RANGE, RATE, SIZE),
        Task("id", ("Show", "SQ010", "SH010", "Animation"), "shot", "project"),
        Shot(RANGE, None, SIZE),
        Review("id", "Dailies"),
        Asset("id", "Animation"),
        Source("camera", "camera1", "camera1"),
        Component("id", "thumbnail", 99),
        PublishedVersion("bars", "id", 3, "asset", (Component("id", "thumbnail", 99),), None, None),
        PublishRequest(task="Show/SH010/Animation", source=["a.mov", "b.mov"], frame_range=RANGE, fps=RATE),
        (1, [2, {"three": None}], "four"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_journal_value_round_trips(value):
    # JSON has lists only; a tuple within a record is restored as a tuple.
    assert read_value(write_value(value)) == (list(value) if isinstance(value, tuple) else value)


def test_journal_value_is_readable_text():
    assert write_value({"fps": RATE, "range": RANGE}) == (
        '{"fps": {"Fraction": "24000/1001"}, "range": {"FrameRange": "993-1040+8"}}'
    )


def test_value_of_an_unknown_type_is_rejected():
    with pytest.raises(TypeError, match="object has no text form"):
        write_value({"session": object()})


@pytest.mark.parametrize("comment", ["two\nlines", "a\u2028b\x85c", "für Łódź 🎬", "lone \udce9 surrogate", '"\\'])
def test_events_with_any_text_are_read_in_order(tmp_path, comment):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append({"comment": comment})
    journal.append({"end": "done"})
    assert journal.events() == [{"comment": comment}, {"end": "done"}]


def test_batched_event_is_readable_at_once(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    for number in range(3):
        journal.append({"step": number}, batched=True)
        assert Journal(journal.path).events()[-1] == {"step": number}
    journal.sync()
    assert len(journal.events()) == 3


def test_incomplete_last_line_is_ignored_and_repaired(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append({"job": "one"})
    with journal.path.open("ab") as file:
        file.write(b'{"step": {"name": "Capt')
    assert journal.events() == [{"job": "one"}]
    journal.repair_tail()
    journal.append({"end": "done"})
    assert journal.events() == [{"job": "one"}, {"end": "done"}]


def test_missing_or_damaged_journal_is_reported(tmp_path):
    with pytest.raises(JobNotFound, match="queue list"):
        Journal(tmp_path / "journal.jsonl").events()
    (tmp_path / "journal.jsonl").write_bytes(b'{"job": "one"}\n\x00\xff\n')
    with pytest.raises(JobNotFound, match=rf"damaged in line 2\. .* ft-dcc queue drop {tmp_path.name}\."):
        Journal(tmp_path / "journal.jsonl").events()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_full_disk_is_reported():
    with pytest.raises(StorageError, match="No space left on device"):
        Journal(Path("/dev/full")).append({"job": "one"})


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
