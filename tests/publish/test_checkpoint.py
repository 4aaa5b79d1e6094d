"""Resume from checkpoints, also from journals of earlier releases."""

from __future__ import annotations

import json
import shutil

import attrs

from ft_dcc.frames import FrameRange
from ft_dcc.media import encode, probe
from ft_dcc.publish.jobs.journal import read_value
from ft_dcc.publish.jobs.queue import WAITING, queue_items
from ft_dcc.publish.publisher import Publisher

JOB_ID = "20260101-120000-000000-abcd"
VERSION_ID = "6a1c1e0e-3c4e-4a55-9d1f-0d7f6b7c2a11"


def old_journal(server, task, movie, encoded):
    """Return the lines of a journal of an earlier release: a movie that was transcoded and is not uploaded yet."""
    info, clip_range = probe(movie), {"FrameRange": "1001-1004"}
    facts = {**attrs.asdict(info), "resolution": {"Resolution": str(info.resolution)}}
    facts = {**facts, "fps": {"Fraction": str(info.fps)}, "start": {"Fraction": str(info.start)}}
    link = [each["name"] for each in task["link"]]
    clip = {"frame_range": clip_range, "fps": {"Fraction": "24"}, "resolution": {"Resolution": "64x36"}}
    request = {"task": task["id"], "source": [str(movie)], "review": [], "burnin": {"top": "{version}"}}
    request = {**request, "comment": "Edges", "slate": [], "watermark": "", "letterbox": "", "outputs": []}
    media = {"path": {"Path": str(encoded)}, "component_name": "ftrackreview-mp4", "frame_count": 4, "size": 1}
    media = {**media, "resolution": {"Resolution": "64x36"}, "fps": {"Fraction": "24"}, "encoder": "software"}

    def step(name, source="movie"):
        return {"name": name, "source": source, "seconds": 0.1, "error": None}

    def done(name, **values):
        return {"step": step(name), "number": 1, "sets": {"0": {}, "1": values}}

    return [
        {
            "job": JOB_ID,
            "format": 2,
            "server": server,
            "host": None,
            "request": {"PublishRequest": {**request, "notify": False, "is_filling": True, "look": {}}},
        },
        {"wish": "publish"},
        {
            "gate": "open",
            "problems": [],
            "steps": [step("CollectTask", ""), step("CollectDetails", ""), step("CollectFilm")],
            "context": {
                "ft_dcc.task": {
                    "Task": {
                        "id": task["id"],
                        "names": link,
                        "parent_id": task["parent_id"],
                        "project_id": task["project_id"],
                    }
                },
                "ft_dcc.shot": {"Shot": {"frame_range": None, "fps": None, "resolution": None}},
                "ft_dcc.reviews": [],
                "ft_dcc.details": {"Details": {"artist": "Ada", "uses": []}},
                "ft_dcc.encoder": "5.1",
            },
            "instances": [
                {
                    "name": "movie",
                    "data": {
                        "family": "review",
                        "families": ["film"],
                        "name": "movie",
                        "ft_dcc.number": 1,
                        "ft_dcc.source": {"Source": {"kind": "film", "text": str(movie), "name": "movie"}},
                        "ft_dcc.version_id": VERSION_ID,
                        "ft_dcc.facts": {"FilmFacts": facts},
                        "ft_dcc.clip": {"Clip": clip},
                        "ft_dcc.asset": {"Asset": {"id": "9f1c1e0e-3c4e-4a55-9d1f-0d7f6b7c2a12", "name": "Animation"}},
                    },
                }
            ],
        },
        done("FindNumber", **{"ft_dcc.version": 7}),
        {"again": ["FindNumber"], "number": 1},
        done("TranscodeFilm", **{"ft_dcc.film": {"Media": media}}),
    ]


def test_resume_reads_a_journal_with_the_names_of_earlier_releases(session, task, paint, jobs):
    frames = paint("1001-1004")
    movie = encode(frames, jobs.parent / "movie.mp4").path
    encoded = jobs / JOB_ID / "1" / "ftrackreview-mp4.mp4"
    encoded.parent.mkdir(parents=True)
    shutil.copyfile(movie, encoded)
    lines = old_journal(session.server_url, task, movie, encoded)
    (jobs / JOB_ID / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "ascii")

    (item,) = queue_items(jobs)
    assert (item.state, item.request.fill_missing, item.request.comment) == (WAITING, True, "Edges")
    published = Publisher(session, jobs=jobs).resume(JOB_ID)

    assert (published.first.version_id, published.first.version, published.problems) == (VERSION_ID, 1, ())
    names = [step.name for step in published.steps]
    assert names[:5] == ["CollectTask", "CollectOptions", "CollectMovie", "PredictVersionNumber", "TranscodeMovie"]
    # The number was invalidated and is predicted again; the movie is not transcoded again.
    assert names.count("PredictVersionNumber") == 2
    assert names.count("TranscodeMovie") == 1
    version = session.query(f"select comment from AssetVersion where id is '{VERSION_ID}'").one()
    assert version["comment"] == "Edges"
    metadata = session.query(
        f"select value from Metadata where parent_id is '{published.first.components[0].id}' and key is ft_dcc"
    ).all()
    assert {"fps": "24/1", "first_frame": 1001, "frame_count": 4} in [json.loads(each["value"]) for each in metadata]


def test_records_of_earlier_releases_are_read_under_their_old_keys():
    clip = {"frame_range": {"FrameRange": "1-2"}, "fps": {"Fraction": "24"}, "resolution": {"Resolution": "64x36"}}
    assert read_value(json.dumps({"Clip": clip})).frame_range == FrameRange(1, 2)
    assert read_value('{"Details": {"artist": "Ada"}}').artist == "Ada"
    assert read_value('{"PublishRequest": {"task": "t", "is_filling": true}}').fill_missing is True
