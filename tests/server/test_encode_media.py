"""``encode_media`` on a real server, with real films: what it makes, what it says meanwhile, and what it survives."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from ft_dcc.errors import Cancelled, EncodeFailed, ServerError
from ft_dcc.media import ffmpeg, probe
from ft_dcc.server.workshop import Workshop
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.transfer import download

MakeFilm = Callable[..., Path]


@pytest.fixture
def make_film(tmp_path: Path) -> MakeFilm:
    """``make_film("film.mov", seconds=1)`` at 24000/1001 frames a second, in a codec that no browser plays."""

    def make(name: str = "film.mov", seconds: int = 1, size: str = "320x180") -> Path:
        path = tmp_path / name
        source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=24000/1001:duration={seconds}"]
        subprocess.run([str(ffmpeg.find()), "-y", "-v", "error", *source, "-c:v", "mpeg4", str(path)], check=True)
        return path

    return make


@pytest.fixture
def picture(make_film: MakeFilm, tmp_path: Path) -> Path:
    path = tmp_path / "plate.png"
    command = [str(ffmpeg.find()), "-y", "-v", "error", "-i", str(make_film()), "-frames:v", "1", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture
def version(session: Session, project_shot: Any) -> Any:
    kind = session.query("AssetType").first()
    asset = session.create("Asset", {"name": uuid4().hex, "parent": project_shot, "type": kind})
    made = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return made


@contextmanager
def studio_of_our_own(server: Any) -> Iterator[Session]:
    credentials = server.credentials
    with Session(credentials.server_url, credentials.api_key, credentials.api_user) as session:
        yield session


def told(session: Session, job_id: str) -> dict[str, Any]:
    """Return what the server says of a job now."""
    found = session.call({"action": "query", "expression": f"select status, data from Job where id is {job_id}"})[0]
    job = found["data"][0]
    return {"status": job["status"], **json.loads(job["data"])}


def reached(session: Session, job_id: str, *statuses: str) -> dict[str, Any]:
    """Return what the server says of a job once it has one of the statuses."""
    while (seen := told(session, job_id))["status"] not in statuses:
        assert seen["status"] not in ("done", "failed"), seen
        time.sleep(0.05)
    return seen


def components_of(session: Session, condition: str) -> dict[str, dict[str, Any]]:
    """Return name to facts of the components; their metadata are read as JSON."""
    wanted = "name, file_type, size, version_id, metadata.key, metadata.value, component_locations.location_id"
    found = session.query(f"select {wanted} from FileComponent where {condition}").all()
    assert len({each["name"] for each in found}) == len(found)
    return {
        each["name"]: {
            "id": each["id"],
            "file_type": each["file_type"],
            "size": each["size"],
            "locations": [place["location_id"] for place in each["component_locations"]],
            **{key: json.loads(value) for key, value in dict(each["metadata"]).items()},
        }
        for each in found
    }


def stored_files(data: Path) -> list[Path]:
    return [path for path in (data / "media").glob("*/*") if path.is_file()]


def test_a_film_becomes_what_browsers_play_with_its_exact_rate(session, version, make_film, tmp_path):
    job = session.encode_media(make_film(), version_id=version["id"])
    announced = json.loads(job["data"])
    assert [each["format"] for each in announced["output"]] == ["video/mp4", "image/jpeg"]
    assert announced["keep_original"] is False
    done = reached(session, job["id"], "done")
    assert (done["progress"], done["output"]) == (100, announced["output"])
    made = components_of(session, f"version_id is {version['id']}")
    assert {name: facts["file_type"] for name, facts in made.items()} == {
        "ftrackreview-mp4": ".mp4",
        "thumbnail": ".jpg",
    }
    film = made["ftrackreview-mp4"]
    assert film["ftr_meta"] == {
        "frameIn": 0,
        "frameOut": 23,
        "frameRate": 24000 / 1001,
        "width": 320,
        "height": 180,
    }
    assert film["ft_dcc"] == {"fps": "24000/1001", "first_frame": 0, "frame_count": 24}
    assert made["thumbnail"]["ftr_meta"] == {"format": "image", "width": 320, "height": 180}
    assert {id for facts in made.values() for id in facts["locations"]} == {SERVER_LOCATION_ID}
    download(session, film["id"], tmp_path / "review.mp4", size=film["size"])
    facts = probe(tmp_path / "review.mp4")
    assert (facts.codec, facts.frame_count, str(facts.fps)) == ("h264", 24, "24000/1001")
    seen = session.query(f"select thumbnail_id from AssetVersion where id is {version['id']}").one()
    assert seen["thumbnail_id"] == made["thumbnail"]["id"]
    attached = session.query(f"select component_id from JobComponent where job_id is {job['id']}").all()
    assert {each["component_id"] for each in attached} == {each["component_id"] for each in done["output"]}
    assert session.query(f"FileComponent where id is {done['source_component_id']}").all() == []


def test_the_components_are_there_at_once_and_in_a_location_when_they_are_whole(session, version, make_film):
    job = session.encode_media(make_film(seconds=6, size="1280x720"), version_id=version["id"])
    announced = [each["component_id"] for each in json.loads(job["data"])["output"]]
    made = components_of(session, f"version_id is {version['id']}")
    assert [made[name]["id"] for name in ("ftrackreview-mp4", "thumbnail")] == announced
    assert [(facts["file_type"], facts["locations"]) for facts in made.values()] == [(".mp4", []), (".jpg", [])]
    attached = session.query(f"select component_id from JobComponent where job_id is {job['id']}").all()
    assert {each["component_id"] for each in attached} == set(announced)
    # What was not finished goes when the job goes, running or not.
    session.delete(job)
    session.commit()
    following = session.encode_media(make_film("next.mov"))
    reached(session, following["id"], "done")
    assert components_of(session, f"version_id is {version['id']}") == {}


def test_a_job_that_waits_is_forgotten_with_what_was_announced_for_it(session, version, make_film):
    film = make_film(seconds=2)
    jobs = [session.encode_media(film, version_id=version["id"])["id"] for _ in range(3)]
    session.call(operations.delete("Job", jobs[1]))
    reached(session, jobs[2], "done")
    found = session.query(f"select id from FileComponent where version_id is {version['id']}").all()
    kept = [each["component_id"] for job in (jobs[0], jobs[2]) for each in told(session, job)["output"]]
    assert {each["id"] for each in found} == set(kept)


def test_a_film_that_is_encoded_is_shown_in_a_review_when_it_is_whole(session, project, version, make_film):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    session.create("ReviewSessionObject", {"review_session": review, "asset_version": version, "name": "sh010"})
    session.commit()

    def shown() -> tuple[bool, bool]:
        (entry,) = requests.get(f"{review['review_url']}/data", timeout=30).json()["entries"]
        return entry["is_encoding"], entry["film"] is not None

    job = session.encode_media(make_film(seconds=2), version_id=version["id"])
    assert shown() == (True, False)
    reached(session, job["id"], "done")
    assert shown() == (False, True)


def test_a_job_waits_for_room_on_the_disk_and_holds_up_nobody_who_stops_the_server(small_disk, start_server, make_film):
    server, filler = start_server(small_disk / "studio"), small_disk / "filler"
    with studio_of_our_own(server) as session:
        film = make_film()
        source = session.create_component(str(film), location=session.get("Location", SERVER_LOCATION_ID))
        session.commit()
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - (40 << 20)))
        job_id = session.encode_media(source)["id"]
        while "waiting" not in (seen := told(session, job_id)):
            time.sleep(0.05)
        assert (seen["status"], "no room" in seen["waiting"]) == ("queued", True)
    server.process.terminate()
    assert server.process.wait(timeout=30) == 0
    filler.unlink()
    server = start_server(server.data)
    with studio_of_our_own(server) as session:
        assert "waiting" not in reached(session, job_id, "done")


def test_a_component_is_encoded_and_kept(session, version, make_film):
    source = version.create_component(str(make_film()), {"name": "plate"}, location="auto")
    server = session.get("Location", SERVER_LOCATION_ID)
    server.add_component(source, session.get("Location", "ce9b348f-8809-11e3-821c-20c9d081909b"))
    job = version.encode_media(source)
    assert reached(session, job["id"], "done")["keep_original"] is True
    made = components_of(session, f"version_id is {version['id']}")
    assert sorted(made) == ["ftrackreview-mp4", "plate", "thumbnail"]


def test_a_picture_becomes_one_that_browsers_show(session, version, picture):
    job = session.encode_media(picture, version_id=version["id"], keep_original=True)
    done = reached(session, job["id"], "done")
    assert [each["format"] for each in done["output"]] == ["image/jpeg", "image/jpeg"]
    made = components_of(session, f"version_id is {version['id']}")
    assert sorted(made) == ["ftrackreview-image", "main", "thumbnail"]
    assert made["ftrackreview-image"]["ftr_meta"] == {"format": "image", "width": 320, "height": 180}


def test_a_version_keeps_the_thumbnail_that_it_has(session, version, picture):
    own = version.create_thumbnail(str(picture))
    job = session.encode_media(picture, version_id=version["id"])
    reached(session, job["id"], "done")
    seen = session.query(f"select thumbnail_id from AssetVersion where id is {version['id']}").one()
    assert seen["thumbnail_id"] == own["id"]


@pytest.mark.parametrize("name", ["film.mov", "film.png", "film.mp4", "film"])
def test_what_is_no_film_fails_with_a_reason_and_leaves_nothing(start_server, tmp_path, name):
    server, film = start_server(), tmp_path / name
    film.write_bytes(b"no film at all" * 100)
    with studio_of_our_own(server) as session:
        job = session.encode_media(film)
        failed = reached(session, job["id"], "failed")
        assert failed["output"] == []
        assert failed["error"].startswith(("main", "No picture can be taken from main"))
        assert str(server.data) not in failed["error"]
        assert session.query("FileComponent").all() == []
    assert stored_files(server.data) == []
    assert list((server.data / "encoding").iterdir()) == []


def test_a_film_that_names_other_addresses_opens_none_of_them(session, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/film.ts"
        for name, text in {
            "film.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
            "film.mov": f"ffconcat version 1.0\nfile {address}\n",
        }.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
            job = session.encode_media(tmp_path / name)
            assert "none that films have" in reached(session, job["id"], "failed")["error"]
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_requests_are_answered_while_it_encodes_and_say_how_far_it_is(session, make_film):
    job = session.encode_media(make_film(seconds=6, size="1280x720"))
    seen = set()
    while (now := told(session, job["id"]))["status"] != "done":
        seen.add((now["status"], 0 < now["progress"] < 100))
        session.query("Project").first()
    assert ("running", True) in seen


def test_a_job_that_somebody_ends_makes_nothing(session, version, make_film):
    job = session.encode_media(make_film(seconds=6, size="1280x720"), version_id=version["id"])
    reached(session, job["id"], "running")
    job["status"] = "failed"
    session.commit()
    # The next one is not begun before this one has been let go.
    following = session.encode_media(make_film("next.mov"))
    reached(session, following["id"], "done")
    assert told(session, job["id"])["status"] == "failed"
    assert components_of(session, f"version_id is {version['id']}") == {}


def test_who_listens_hears_of_each_status(session, make_film):
    heard: list[str] = []

    def listen(event: Any) -> None:
        for entity in event["data"]["entities"]:
            if entity["entity_type"] == "Job" and "status" in entity["changes"]:
                heard.append(entity["changes"]["status"]["new"])

    session.event_hub.connect()
    session.event_hub.subscribe("topic=ftrack.update", listen)
    job = session.encode_media(make_film())
    reached(session, job["id"], "done")
    while "done" not in heard:
        session.event_hub.wait(0.1)
    assert heard == ["queued", "running", "done"]


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_a_job_goes_on_after_the_server_was_ended_and_makes_one_set(start_server, make_film, end):
    server, film = start_server(), make_film(seconds=6, size="1280x720")
    with studio_of_our_own(server) as session:
        running, queued = (session.encode_media(film)["id"] for _ in range(2))
        reached(session, running, "running")
    getattr(server.process, end)()
    server.process.wait(timeout=30)

    server = start_server(server.data)
    with studio_of_our_own(server) as session:
        outputs = [
            each["component_id"] for job in (running, queued) for each in reached(session, job, "done")["output"]
        ]
        assert {each["id"] for each in session.query("FileComponent")} == set(outputs)
        assert len(outputs) == 4
    assert len(stored_files(server.data)) == 4
    assert list((server.data / "encoding").iterdir()) == []


def test_a_job_that_ends_the_server_each_time_is_given_up(start_server, make_film):
    server, film = start_server(), make_film(seconds=6, size="1280x720")
    with studio_of_our_own(server) as session:
        job_id = session.encode_media(film)["id"]
        reached(session, job_id, "running")
    server.process.kill()
    server.process.wait(timeout=30)
    with closing(sqlite3.connect(server.data / "studio.db")) as database, database:
        database.execute("UPDATE ft_dcc_encoding SET begun = 4")
    server = start_server(server.data)
    with studio_of_our_own(server) as session:
        assert "begun 4 times" in reached(session, job_id, "failed")["error"]
        assert session.query("FileComponent").all() == []


def test_a_version_that_is_deleted_meanwhile_gets_nothing(session, version, make_film):
    job = session.encode_media(make_film(seconds=6, size="1280x720"), version_id=version["id"])
    outputs = [each["component_id"] for each in reached(session, job["id"], "running")["output"]]
    session.delete(version)
    session.commit()
    failed = reached(session, job["id"], "failed")
    assert "AssetVersion" in failed["error"]
    assert session.query(f"FileComponent where id in ({', '.join(outputs)})").all() == []


def test_what_takes_too_long_is_stopped_and_leaves_no_process(make_film, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    workshop = Workshop(make_film(seconds=6, size="1280x720"), folder, seconds=0.5, largest=1 << 30)
    with pytest.raises(EncodeFailed, match=r"took longer than 0\.5 seconds and was stopped"):
        workshop.make(lambda percent: None)
    assert list(folder.iterdir()) == []


def test_what_is_given_up_says_nothing_in_the_log_of_the_server(make_film, tmp_path, capfd):
    folder = tmp_path / "folder"
    folder.mkdir()

    def give_up(percent: int) -> None:
        raise Cancelled("Nobody wants it any more.")

    with pytest.raises(Cancelled):
        Workshop(make_film(seconds=3), folder, seconds=60, largest=1 << 30).make(give_up)
    assert capfd.readouterr().err == ""


def test_a_film_cannot_fill_the_disk(make_film, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    workshop = Workshop(make_film(), folder, seconds=60, largest=5000)
    with pytest.raises(EncodeFailed, match="The server's disk has no room for what would be made"):
        workshop.make(lambda percent: None)
    assert list(folder.iterdir()) == []


def test_what_is_not_there_is_not_encoded(session):
    component = session.create("FileComponent", {"name": "film", "file_type": ".mov"})
    session.commit()
    with pytest.raises(ServerError, match=r"needs a component in the ftrack\.server location"):
        session.encode_media(component)
