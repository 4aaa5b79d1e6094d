"""The report matches docs/td/report.md and contains no credential."""

import json
import os
import re
from fractions import Fraction
from pathlib import Path

import pytest

from ft_dcc.errors import TaskNotFound
from ft_dcc.files import log_file
from ft_dcc.files.log_file import mask
from ft_dcc.media import ffmpeg
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.progress import Progress, ProgressReporter
from ft_dcc.publish.publisher import Publisher, publish

DOCS = Path(__file__).resolve().parents[2] / "docs" / "td" / "report.md"
TYPES = {"text": str, "number": (int, float), "boolean": bool, "list": list, "object": dict, "null": type(None)}


def tables():
    """Return keys and types of the page's tables: of the report, of a version, of its origin and of the event."""
    found = [{}, {}, {}, {}]
    where = -1
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        if line.startswith(("| Key", "| Data")):
            where += 1
        row = re.match(r"\| (`\w+`(?:, `\w+`)*) \| ([\w ]+) \|", line)
        if row is not None:
            for key in re.findall(r"\w+", row[1]):
                found[where][key] = tuple(TYPES[name] for name in row[2].split(" or "))
    return found


def flat(types):
    return tuple(kind for each in types for kind in (each if isinstance(each, tuple) else (each,)))


def assert_fits(content, table):
    assert set(content) == set(table)
    for key, types in table.items():
        assert isinstance(content[key], flat(types)), key


def report_of(jobs):
    (job,) = jobs.iterdir()
    return json.loads((job / "report.json").read_text(encoding="utf-8"))


def test_report_matches_its_documentation(session, host, task, task_path, jobs):
    publish(PublishRequest(task_path, review="Dailies"), session, host, jobs=jobs)
    report_table, version_table, origin_table, _ = tables()
    report = report_of(jobs)
    assert_fits(report, report_table)
    assert_fits(report["versions"][0], version_table)
    # The link to the review is for the owner of the job only.
    if os.name != "nt":
        assert {path.stat().st_mode & 0o077 for path in jobs.glob("*/*.json*")} == {0}
    origin = report["found"][0].pop("origin")
    assert set(origin) <= set(origin_table) and origin["has_unsaved_changes"] is True
    assert report["found"] == [
        {"source": "bars", "kind": "camera", "frames": "1001-1012", "fps": "24", "resolution": "64x36"}
    ]
    assert report["host"] == "Colour bars 1.0"
    row = next(line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `made_with`"))
    assert sorted(report["made_with"]) == sorted(re.findall("`([a-z-]+)`", row))
    assert (report["made_with"]["ffmpeg"], report["made_with"]["server"]) == (
        ffmpeg.version(),
        session.server_information["version"],
    )


def test_event_matches_its_documentation(session, host, task, task_path, jobs):
    heard = []
    session.event_hub.connect()
    session.event_hub.subscribe("topic=ft_dcc.published", lambda event: heard.append(event["data"]))
    published = publish(PublishRequest(task_path, review="Dailies", notify=True), session, host, jobs=jobs)
    for _ in range(50):
        if not heard:
            session.event_hub.wait(0.1)
    assert_fits(heard[0], tables()[3])
    assert (heard[0]["version_id"], heard[0]["link"]) == (published.first.version_id, published.first.link)


def test_report_of_a_failed_validation_has_the_same_fields(session, host, jobs):
    with pytest.raises(TaskNotFound):
        publish(PublishRequest("No/Such/Task"), session, host, jobs=jobs)
    report = report_of(jobs)
    assert_fits(report, tables()[0])
    assert report["error"]["class"] == "TaskNotFound"
    assert report["problems"][0]["user_can_fix"] is True


def test_api_key_in_the_comment_and_in_an_error_is_masked(
    studio_server, session, host, task, task_path, jobs, monkeypatch
):
    comment = f"key {studio_server.api_key} https://x.example.com/up?X-Amz-Signature=abc123&part=1"
    publish(PublishRequest(task_path, comment=comment), session, host, jobs=jobs)
    assert report_of(jobs)["request"]["comment"] == "key *** https://x.example.com/up?X-Amz-Signature=***&part=1"
    written = []
    monkeypatch.setattr(log_file, "write", written.append)
    with pytest.raises(TaskNotFound):
        publish(PublishRequest(f"No/Such/{studio_server.api_key}"), session, host, jobs=jobs)
    assert "No/Such/***" in written[0] and studio_server.api_key not in written[0]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("FTRACK_API_KEY=abc", "FTRACK_API_KEY=***"),
        ("'ftrack-api-key': 'abc'", "'ftrack-api-key': '***'"),
        ("?token=abc&a=1", "?token=***&a=1"),
        ("the token of love", "the token of love"),
    ],
)
def test_credentials_are_masked(text, masked):
    assert mask(text) == masked


def test_progress_estimates_rate_and_remaining_time():
    assert (Progress("encode", "a", 30, 90, "frames", seconds=2.0, before=10).rate) == 10
    assert (Progress("encode", "a", 30, 90, "frames", seconds=2.0, before=10).seconds_left) == 6
    assert Progress("encode", "a", 1, 90, "frames").rate is None
    assert Progress("encode", "a", 60, 90, "frames", seconds=0.01, before=1).rate is None
    assert Progress("encode", "a", 1, 90, "frames").seconds_left is None


def test_reporter_measures_each_step_from_its_first_report():
    heard = []
    reporter = ProgressReporter(heard.append)
    reporter.report(Progress("encode", "a", 5, 10, "frames"))
    reporter.report(Progress("encode", "a", 8, 10, "frames"))
    reporter.report(Progress("upload", "a", 1, 10, "bytes"))
    assert [(beat.step, beat.before) for beat in heard] == [("encode", 5), ("encode", 5), ("upload", 1)]


def test_unwritable_report_is_a_problem_and_leaves_no_partial_file(session, task, task_path, paint, jobs):
    def in_the_way(_progress):
        for job in jobs.iterdir():
            (job / "report.json").mkdir(exist_ok=True)

    request = PublishRequest(task_path, paint("1-2").pattern, fps=Fraction(24))
    published = Publisher(session, None, in_the_way, jobs).publish(request)
    (problem,) = published.problems
    assert (published.first.version, problem.check) == (1, "Report")
    assert "report.json cannot be written: " in problem.message and "Then resume the job." in problem.message
    assert [path.name for path in published.job.glob("report*")] == ["report.json"]
