"""``encode_media`` on a real server with real movies: outputs, progress, cancellation and restarts."""

import json
import shutil
import socket
import sqlite3
import subprocess
from contextlib import closing, contextmanager
from uuid import uuid4

import pytest
import requests
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.errors import Cancelled, EncodeFailed, ServerError
from ft_dcc.media import ffmpeg, probe
from ft_dcc.server.encoding.job import encode
from ft_dcc.server.work.budgets import Owner
from ft_dcc.server.work.queue import Work
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.transfer.transfer import download

# Statements for a server that holds each encode in the midst of its progress while a file exists.
HOLD = """
import pathlib, threading
from ft_dcc.server.encoding import job
from ft_dcc.server.work.queue import WorkQueue

is_stopping = threading.Event()

def report(self, percent, report=job.EncodeJob.report):
    report(self, percent)
    while 0 < percent < 100 and pathlib.Path({hold!r}).exists():
        if is_stopping.wait(0.02):
            return

def stop(self, stop=WorkQueue.stop):
    is_stopping.set()
    stop(self)

job.EncodeJob.report, job._REPORT_INTERVAL_SECONDS, WorkQueue.stop = report, 0, stop
"""


@pytest.fixture(scope="module")
def holding_server(start_module_server, tmp_path_factory):
    """Start a server that holds encodes while the file ``hold`` exists beside its data folder."""
    data = tmp_path_factory.mktemp("studio") / "data"
    return start_module_server(data, change=HOLD.format(hold=str(data.parent / "hold")))


@pytest.fixture
def hold(holding_server):
    """Hold encodes until the test removes this file."""
    path = holding_server.data.parent / "hold"
    path.touch()
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Make a movie of six frames at 24000/1001 frames a second, in a codec that no browser plays."""
    path = tmp_path_factory.mktemp("movie") / "film.mov"
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=24000/1001:duration=0.25"]
    subprocess.run([str(ffmpeg.find()), "-y", "-v", "error", *source, "-c:v", "mpeg4", str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def image(movie):
    path = movie.with_name("plate.png")
    command = [str(ffmpeg.find()), "-y", "-v", "error", "-i", str(movie), "-frames:v", "1", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture
def version(session, project_shot):
    kind = session.query("AssetType").first()
    asset = session.create("Asset", {"name": uuid4().hex, "parent": project_shot, "type": kind})
    made = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return made


@contextmanager
def open_session(server):
    credentials = server.credentials
    with Session(credentials.server_url, credentials.api_key, credentials.api_user) as session:
        yield session


def job_state(session, job_id):
    """Return what the server says of a job now."""
    found = session.call({"action": "query", "expression": f"select status, data from Job where id is {job_id}"})[0]
    job = found["data"][0]
    return {"status": job["status"], **json.loads(job["data"])}


def wait_for_status(session, job_id, *statuses):
    """Return what the server says of a job once it has one of the statuses."""

    def find():
        seen = job_state(session, job_id)
        assert seen["status"] in statuses or seen["status"] not in ("done", "failed"), seen
        return seen if seen["status"] in statuses else None

    found = wait_until(find, f"the status {' or '.join(statuses)}", lambda: job_state(session, job_id))
    assert found is not None
    return found


def components_of(session, condition):
    """Return name to facts of the components; their metadata are read as JSON."""
    wanted = "name, file_type, size, version_id, metadata.key, metadata.value, component_locations.location_id"
    found = session.query(f"select {wanted} from FileComponent where {condition}").all()
    assert len({each["name"] for each in found}) == len(found)
    return {
        each["name"]: {
            "id": each["id"],
            "file_type": each["file_type"],
            "size": each["size"],
            "locations": [location["location_id"] for location in each["component_locations"]],
            **{key: json.loads(value) for key, value in dict(each["metadata"]).items()},
        }
        for each in found
    }


def stored_files(data):
    return [path for path in (data / "media").glob("*/*") if path.is_file()]


def test_movie_is_encoded_for_browsers_at_its_exact_rate(session, version, movie, tmp_path):
    received: list[str] = []

    def listen(event):
        for entity in event["data"]["entities"]:
            if entity["entity_type"] == "Job" and "status" in entity["changes"]:
                received.append(entity["changes"]["status"]["new"])

    session.event_hub.connect()
    session.event_hub.subscribe("topic=ftrack.update", listen)
    job = session.encode_media(movie, version_id=version["id"])
    announced = json.loads(job["data"])
    assert [each["format"] for each in announced["output"]] == ["video/mp4", "image/jpeg"]
    assert announced["keep_original"] is False
    done = wait_for_status(session, job["id"], "done")
    wait_until(lambda: session.event_hub.wait(0.1) or "done" in received, "the event of the end")
    assert received == ["queued", "running", "done"]
    assert (done["progress"], done["output"]) == (100, announced["output"])
    made = components_of(session, f"version_id is {version['id']}")
    types = {name: facts["file_type"] for name, facts in made.items()}
    assert types == {"ftrackreview-mp4": ".mp4", "thumbnail": ".jpg"}
    encoded, size = made["ftrackreview-mp4"], {"width": 64, "height": 36}
    assert encoded["ftr_meta"] == {"frameIn": 0, "frameOut": 5, "frameRate": 24000 / 1001, **size}
    assert encoded["ft_dcc"] == {"fps": "24000/1001", "first_frame": 0, "frame_count": 6}
    assert made["thumbnail"]["ftr_meta"] == {"format": "image", **size}
    assert {id for facts in made.values() for id in facts["locations"]} == {SERVER_LOCATION_ID}
    download(session, encoded["id"], tmp_path / "review.mp4", size=encoded["size"])
    facts = probe(tmp_path / "review.mp4")
    assert (facts.codec, facts.frame_count, str(facts.fps)) == ("h264", 6, "24000/1001")
    seen = session.query(f"select thumbnail_id from AssetVersion where id is {version['id']}").one()
    assert seen["thumbnail_id"] == made["thumbnail"]["id"]
    attached = session.query(f"select component_id from JobComponent where job_id is {job['id']}").all()
    assert {each["component_id"] for each in attached} == {each["component_id"] for each in done["output"]}
    assert session.query(f"FileComponent where id is {done['source_component_id']}").all() == []


def test_job_waits_for_disk_space_without_delaying_shutdown(small_disk, start_server, movie):
    server, filler = start_server(small_disk / "studio"), small_disk / "filler"
    with open_session(server) as session:
        source = session.create_component(str(movie), location=session.get("Location", SERVER_LOCATION_ID))
        session.commit()
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - (40 << 20)))
        job_id = session.encode_media(source)["id"]
        wait_until(lambda: "waiting" in job_state(session, job_id), "a job that waits")
        seen = job_state(session, job_id)
        assert (seen["status"], "no room" in seen["waiting"]) == ("queued", True)
    assert server.stop() == 0
    filler.unlink()
    server = start_server(server.data)
    with open_session(server) as session:
        assert "waiting" not in wait_for_status(session, job_id, "done")


def test_source_component_of_a_version_is_kept(session, version, movie):
    source = version.create_component(str(movie), {"name": "plate"}, location="auto")
    server = session.get("Location", SERVER_LOCATION_ID)
    server.add_component(source, session.get("Location", "ce9b348f-8809-11e3-821c-20c9d081909b"))
    assert wait_for_status(session, version.encode_media(source)["id"], "done")["keep_original"] is True
    made = components_of(session, f"version_id is {version['id']}")
    assert sorted(made) == ["ftrackreview-mp4", "plate", "thumbnail"]


def test_image_is_encoded_for_browsers_and_the_thumbnail_of_the_version_is_kept(session, version, image):
    own = version.create_thumbnail(str(image))
    job = session.encode_media(image, version_id=version["id"], keep_original=True)
    done = wait_for_status(session, job["id"], "done")
    assert [each["format"] for each in done["output"]] == ["image/jpeg", "image/jpeg"]
    made = components_of(session, f"version_id is {version['id']} and id is_not {own['id']}")
    assert sorted(made) == ["ftrackreview-image", "main", "thumbnail"]
    assert made["ftrackreview-image"]["ftr_meta"] == {"format": "image", "width": 64, "height": 36}
    seen = session.query(f"select thumbnail_id from AssetVersion where id is {version['id']}").one()
    assert seen["thumbnail_id"] == own["id"]


def encode_sequence(session, version, image, folder, numbers, fps="24"):
    """Request the encode of numbered images as the page does, and return the id of the job."""
    for number in numbers:
        shutil.copyfile(image, folder / f"plate.{number}{image.suffix}")
    pattern = str(folder / f"plate.%04d{image.suffix} [{', '.join(map(str, numbers))}]")
    place = session.get("Location", SERVER_LOCATION_ID)
    sequence = version.create_component(pattern, {"name": "plate"}, location=place)
    sequence["metadata"]["ft_dcc"] = json.dumps({"fps": fps})
    session.commit()
    operation = {"action": "encode_media", "component_id": sequence["id"], "version_id": version["id"]}
    return str(session.call([{**operation, "keep_original": True}])[0]["job_id"])


def test_sequence_of_images_becomes_a_movie_with_the_frame_numbers_of_its_files(session, version, image, tmp_path):
    job_id = encode_sequence(session, version, image, tmp_path, range(1001, 1006), "23.976")
    assert wait_for_status(session, job_id, "done")["keep_original"] is True
    made = components_of(session, f"version_id is {version['id']}")
    assert sorted(made) == ["ftrackreview-mp4", "thumbnail"]
    assert made["ftrackreview-mp4"]["ft_dcc"] == {"fps": "24000/1001", "first_frame": 1001, "frame_count": 5}


def test_sequence_with_a_missing_frame_fails_and_names_it(session, version, image, tmp_path):
    job_id = encode_sequence(session, version, image, tmp_path, (1001, 1003))
    assert "1002" in wait_for_status(session, job_id, "failed")["error"]


def test_invalid_movies_fail_with_a_reason_and_leave_no_files(start_server, tmp_path):
    server, names = start_server(), ("film.png", "film.mp4", "film")
    for name in names:
        (tmp_path / name).write_bytes(b"no film at all" * 100)
    with open_session(server) as session:
        for job_id in [session.encode_media(tmp_path / name)["id"] for name in names]:
            failed = wait_for_status(session, job_id, "failed")
            assert failed["output"] == []
            assert failed["error"].startswith(("main", "No image can be decoded from main"))
            assert str(server.data) not in failed["error"]
        assert session.query("FileComponent").all() == []
    assert stored_files(server.data) == []
    wait_until(lambda: not list((server.data / "work").iterdir()), "the removal of the folders of jobs")


def test_urls_inside_a_movie_are_not_opened(session, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/film.ts"
        for name, text in {
            "film.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
            "film.mov": f"ffconcat version 1.0\nfile {address}\n",
        }.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
            job = session.encode_media(tmp_path / name)
            assert "is not supported. Give a movie" in wait_for_status(session, job["id"], "failed")["error"]
        with pytest.raises(BlockingIOError):
            listener.accept()


class TestDuringAnEncode:
    @pytest.fixture
    def studio_server(self, holding_server):
        return holding_server.credentials

    def test_output_components_exist_at_once_and_are_located_when_complete(self, session, version, movie, hold):
        job = session.encode_media(movie, version_id=version["id"])
        announced = [each["component_id"] for each in json.loads(job["data"])["output"]]
        made = components_of(session, f"version_id is {version['id']}")
        assert [made[name]["id"] for name in ("ftrackreview-mp4", "thumbnail")] == announced
        assert [(facts["file_type"], facts["locations"]) for facts in made.values()] == [(".mp4", []), (".jpg", [])]
        attached = session.query(f"select component_id from JobComponent where job_id is {job['id']}").all()
        assert {each["component_id"] for each in attached} == set(announced)
        # Unfinished outputs are removed with the job.
        session.delete(job)
        session.commit()
        hold.unlink()
        wait_for_status(session, session.encode_media(movie)["id"], "done")
        assert components_of(session, f"version_id is {version['id']}") == {}

    def test_deleting_a_queued_job_removes_its_outputs(self, session, version, movie, hold):
        jobs = [session.encode_media(movie, version_id=version["id"])["id"] for _ in range(3)]
        session.call(operations.delete("Job", jobs[1]))
        hold.unlink()
        wait_for_status(session, jobs[2], "done")
        found = session.query(f"select id from FileComponent where version_id is {version['id']}").all()
        kept = [each["component_id"] for job in (jobs[0], jobs[2]) for each in job_state(session, job)["output"]]
        assert {each["id"] for each in found} == set(kept)

    def test_review_shows_an_encoded_movie_when_it_is_complete(self, session, project, version, movie, hold):
        review = session.create("ReviewSession", {"name": "Dailies", "project": project})
        session.create("ReviewSessionObject", {"review_session": review, "asset_version": version, "name": "sh010"})
        session.commit()

        def shown() -> tuple[bool, bool]:
            (found,) = requests.get(f"{review['review_url']}/data", timeout=TIMEOUT_SECONDS).json()["entries"]
            entry = requests.get(f"{review['review_url']}/entries/{found['id']}", timeout=TIMEOUT_SECONDS).json()
            return entry["is_encoding"], entry["film"] is not None

        job = session.encode_media(movie, version_id=version["id"])
        wait_until(lambda: 0 < wait_for_status(session, job["id"], "running")["progress"] < 100, "progress")
        assert shown() == (True, False)
        hold.unlink()
        wait_for_status(session, job["id"], "done")
        assert shown() == (False, True)

    def test_job_ended_by_a_client_has_no_outputs(self, session, version, movie, hold):
        job = session.encode_media(movie, version_id=version["id"])
        wait_for_status(session, job["id"], "running")
        job["status"] = "failed"
        session.commit()
        hold.unlink()
        # The next job begins after this one has been discarded.
        wait_for_status(session, session.encode_media(movie)["id"], "done")
        assert job_state(session, job["id"])["status"] == "failed"
        assert components_of(session, f"version_id is {version['id']}") == {}

    def test_version_deleted_during_an_encode_gets_no_outputs(self, session, version, movie, hold):
        job = session.encode_media(movie, version_id=version["id"])
        outputs = [each["component_id"] for each in wait_for_status(session, job["id"], "running")["output"]]
        session.delete(version)
        session.commit()
        hold.unlink()
        assert "AssetVersion" in wait_for_status(session, job["id"], "failed")["error"]
        assert session.query(f"FileComponent where id in ({', '.join(outputs)})").all() == []


def test_jobs_resume_after_restarts_and_have_one_set_of_outputs(start_server, movie, tmp_path):
    """A server is stopped in the midst of a job, and the next one killed; one job was begun too often."""
    (tmp_path / "hold").touch()
    holding = HOLD.format(hold=str(tmp_path / "hold"))
    server = start_server(change=holding)
    with open_session(server) as session:
        first, second, third = (session.encode_media(movie)["id"] for _ in range(3))
        wait_for_status(session, first, "running")
    assert server.stop() == 0
    server = start_server(server.data, change=holding)
    with open_session(server) as session:
        wait_for_status(session, first, "running")
    server.process.kill()
    server.process.wait(TIMEOUT_SECONDS)
    with closing(sqlite3.connect(server.data / "studio.db")) as database, database:
        database.execute("UPDATE ft_dcc_encoding SET begun = 4 WHERE job_id = ?", (third,))

    server = start_server(server.data)
    with open_session(server) as session:
        assert "begun 4 times" in wait_for_status(session, third, "failed")["error"]
        jobs = [wait_for_status(session, job, "done") for job in (first, second)]
        outputs = [each["component_id"] for job in jobs for each in job["output"]]
        assert {each["id"] for each in session.query("FileComponent")} == set(outputs)
        assert len(outputs) == 4
    assert len(stored_files(server.data)) == 4
    wait_until(lambda: not list((server.data / "work").iterdir()), "the removal of the folders of jobs")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        # A Python process does not start within 0.05 seconds.
        ({"seconds": 0.05, "max_bytes": 1 << 30}, r"took longer than 0\.05 seconds and was stopped"),
        ({"seconds": 60, "max_bytes": 2000}, "The server's disk has no room for the outputs"),
    ],
)
def test_encode_over_a_limit_is_stopped_with_its_processes(movie, tmp_path, limits, reason):
    work = Work("encode", Owner(), lambda _work: None, limits.pop("seconds"))
    with pytest.raises(EncodeFailed, match=reason):
        encode(work, movie, tmp_path, **limits)
    assert [path.name for path in tmp_path.iterdir()] == ["progress"]


def test_cancelled_encode_logs_no_warning(movie, tmp_path, capfd):
    def cancel(percent: int) -> None:
        raise Cancelled("The job was ended by a client.")

    with pytest.raises(Cancelled):
        work = Work("encode", Owner(), lambda _work: None, TIMEOUT_SECONDS)
        encode(work, movie, tmp_path, max_bytes=1 << 30, on_progress=cancel)
    assert capfd.readouterr().err == ""


def test_encode_of_a_missing_component_is_rejected(session):
    component = session.create("FileComponent", {"name": "film", "file_type": ".mov"})
    session.commit()
    with pytest.raises(ServerError, match=r"needs a component in the ftrack\.server location"):
        session.encode_media(component)
