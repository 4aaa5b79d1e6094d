from fractions import Fraction
from pathlib import Path

import pytest

from ft_dcc.errors import JobNotFound, StorageError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import EncodedFile
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
