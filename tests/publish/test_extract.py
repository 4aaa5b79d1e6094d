"""Media options of a publish are applied and reported."""

import json
import os
import shutil
import threading
from array import array
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import ColourBars
from doubles.numbered_images import run_ffmpeg
from doubles.programs import RUN_PROGRAM, write_program

from ft_dcc import media
from ft_dcc.errors import Cancelled, EncodeFailed, Error, FramesMissing, SettingInvalid, UserFixableError
from ft_dcc.frames import FrameRange
from ft_dcc.media import ffmpeg
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish


@pytest.fixture
def kept(tmp_path, jobs):
    """Return an ``on_progress`` callback that copies the job's files, and the folder of the copy."""
    folder = tmp_path / "kept"

    def keep(progress):
        if progress.step.startswith("upload"):
            for made in jobs.rglob("*.*"):
                if made.suffix in (".mp4", ".jpg", ".mov"):
                    folder.mkdir(exist_ok=True)
                    shutil.copyfile(made, folder / made.name)

    return keep, folder


def report_of(published):
    return json.loads((published.job / "report.json").read_text("utf-8"))


def luma_of(movie):
    info = media.probe(movie)
    raw = run_ffmpeg("-i", movie, "-f", "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-")
    size = info.resolution.width * info.resolution.height
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def test_missing_frames_fail_validation_unless_they_are_filled(session, shot, paint, jobs, kept):
    task_path = shot("1001-1012", "24")
    frames = paint("1001-1012", missing=(1001, 1004, 1005))
    request = PublishRequest(task_path, frames.pattern, frame_range=FrameRange(1001, 1012))
    with pytest.raises(FramesMissing, match=r"3 of 12 frames .* 1001, 1004-1005\. ") as caught:
        publish(request, session, jobs=jobs)
    assert caught.value.missing == (1001, 1004, 1005)
    keep, folder = kept
    published = Publisher(session, None, keep, jobs).publish(attrs.evolve(request, fill_missing=True))
    made = report_of(published)["made"]
    assert [(movie["component"], movie["frame_count"], movie["filled"]) for movie in made] == [
        ("ftrackreview-mp4", 12, "1001, 1004-1005")
    ]
    assert len(luma_of(folder / "ftrackreview-mp4.mp4")) == 12


def test_fill_missing_needs_one_existing_frame(session, shot, paint, jobs, monkeypatch):
    monkeypatch.setenv("FT_DCC_FILL_MISSING", "true")
    frames = paint("1001-1003")
    request = PublishRequest(shot("2001-2003", "24"), frames.pattern, frame_range=FrameRange(2001, 2003))
    with pytest.raises(FramesMissing, match="3 of 3 frames"):
        publish(request, session, jobs=jobs)


def test_camera_is_captured_with_a_step(session, host, shot, jobs):
    seen = {}
    request = PublishRequest(shot("1001-1012", "24"), frame_range=FrameRange.parse("1001-1012x3+0+2"))
    publisher = Publisher(session, host, lambda progress: seen.__setitem__(progress.step, progress), jobs)
    published = publisher.publish(request)
    assert [(seen[step].done, seen[step].total) for step in ("capture", "encode")] == [(5, 5), (14, 14)]
    assert report_of(published)["made"][0]["frame_count"] == 14


def test_letterbox_is_black(session, host, task, task_path, jobs, kept, monkeypatch):
    keep, folder = kept
    monkeypatch.setenv("FT_DCC_LETTERBOX", "2.39")
    Publisher(session, host, keep, jobs).publish(PublishRequest(task_path))
    luma = luma_of(folder / "ftrackreview-mp4.mp4")[3]
    rows = [luma[at : at + 64] for at in range(0, len(luma), 64)]
    assert max(*rows[2], *rows[-3]) < 30
    assert max(rows[18]) > 100


@pytest.mark.parametrize("letterbox", ["wide", "2.39:0", "0", "1e9", "nan"])
def test_invalid_letterbox_is_rejected_before_a_job_exists(session, host, task_path, jobs, letterbox):
    with pytest.raises(SettingInvalid, match=r"Write (it|its shape) as"):
        publish(PublishRequest(task_path, letterbox=letterbox), session, host, jobs=jobs)
    assert host.captures == 0


def test_sounds_start_at_their_frames(session, shot, paint, jobs, kept, tmp_path, monkeypatch):
    keep, folder = kept
    for name in ("a.wav", "b@2.wav"):
        click = r"aevalsrc='if(between(t,0.25,0.252),0.5,0)':s=48000:d=0.4"
        run_ffmpeg("-f", "lavfi", "-i", click, tmp_path / name)
    frames = paint("1001-1024")
    monkeypatch.chdir(tmp_path)
    sounds = ("a.wav", f"{tmp_path / 'b@2.wav'}@1010")
    request = PublishRequest(shot("1001-1024", "24"), frames.pattern, sounds=sounds)
    Publisher(session, None, keep, jobs).publish(request)
    raw = run_ffmpeg("-i", folder / "ftrackreview-mp4.mp4", "-f", "s16le", "-ac", "1", "-ar", "48000", "-")
    loud = [at / 2000 for at, level in enumerate(array("h", raw)) if abs(level) > 1500]
    heard = [at for at, before in zip(loud, [-100.0, *loud]) if at - before > 1]
    assert [abs(at - wanted) < 0.5 for at, wanted in zip(heard, (6, 15))] == [True, True]
    with pytest.raises(UserFixableError, match=r"nowhere\.wav does not exist"):
        publish(attrs.evolve(request, sounds=("nowhere.wav@12",)), session, jobs=jobs)
    (tmp_path / "song.wma").write_bytes(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(4000))
    for name, reason in (
        ("song.wma", "its format is not supported"),
        ("sh010/sh010.1001.png", "its format is not supported"),
    ):
        with pytest.raises(UserFixableError, match=rf"The sound .*{name} cannot be read: {reason}.*Export it as a WAV"):
            publish(attrs.evolve(request, sounds=(name,)), session, jobs=jobs)


def test_report_contains_the_end_of_ffmpegs_log(session, shot, paint, jobs, tmp_path, monkeypatch):
    fail = "print('[x @ 0x1] [error] The fan is stuck.', file=sys.stderr); sys.exit(7)"
    fail = f"import sys\nif 'libx264' in ' '.join(sys.argv): {fail}\n"
    broken = write_program(tmp_path / "ffmpeg", fail + RUN_PROGRAM.format(program=str(ffmpeg.find())))
    monkeypatch.setenv("FT_DCC_FFMPEG", str(broken))
    with pytest.raises(EncodeFailed, match=r"stopped with code 7 on .*: The fan is stuck"):
        publish(PublishRequest(shot("1001-1003", "24"), paint("1001-1003").pattern), session, jobs=jobs)
    (report,) = jobs.glob("*/report.json")
    assert "[error] The fan is stuck." in json.loads(report.read_text("utf-8"))["error"]["log"]


@pytest.mark.parametrize("ending", ["well", "cancelled", "failed"])
def test_temporary_files_are_in_the_job_folder(session, host, task, task_path, jobs, tmp_path, monkeypatch, ending):
    """Check that the system's temporary folder is unused and that no temporary file remains in the job folder."""
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(elsewhere))
    monkeypatch.setattr("tempfile.tempdir", None)
    seen = set()

    def look(progress):
        seen.update(path.name for path in elsewhere.iterdir())
        if progress.step == "upload thumbnail" and ending == "cancelled":
            raise Cancelled("Enough.")
        if progress.step == "encode" and ending == "failed":
            raise EncodeFailed("The fan is stuck.")

    request = PublishRequest(
        task_path, burnin={"top": "{frame}"}, slate=("{shot}",), watermark="{task}", outputs=("prores",)
    )
    publisher = Publisher(session, host, look, jobs)
    try:
        publisher.publish(request)
    except (Cancelled, EncodeFailed):
        assert ending != "well"
    assert (seen, list(elsewhere.iterdir())) == (set(), [])
    left = [path.name for path in jobs.rglob("*") if path.name.startswith(".") or path.suffix in (".part", ".draft")]
    assert left == []
    assert [path for path in Path(os.curdir).iterdir() if path.name.startswith((".burnin", ".encoder"))] == []


def test_integer_frame_rate_is_an_integer_in_the_report(session, host, task, task_path, jobs):
    (movie,) = report_of(publish(PublishRequest(task_path), session, host, jobs=jobs))["made"]
    assert movie == {
        "source": "bars",
        "component": "ftrackreview-mp4",
        "resolution": "64x36",
        "fps": str(Fraction(24)),
        "frame_count": 12,
        "filled": "",
        "encoder": "software",
        "remark": "",
    }


def test_comment_is_unchanged_on_the_version(session, host, task, task_path, jobs):
    comment = (
        "50% {done} %{n} 'a' \"b\" C:\\new \\N {\\b1}\n\r\n\tשלום \U0001f3ac \x00 \x07 \u2028 <b>&amp;</b>" + "x" * 5000
    )
    request = PublishRequest(task_path, comment=comment, burnin={"top": "{comment}"}, slate=("{comment}",))
    published = publish(request, session, host, jobs=jobs)
    version = session.query(f"select comment from AssetVersion where id is '{published.first.version_id}'").one()
    assert version["comment"] == comment
    assert report_of(published)["request"]["comment"] == comment


def test_exr_frames_and_stills_that_ffmpeg_cannot_read_are_published(session, shot, tmp_path, jobs, kept):
    oiio = pytest.importorskip("OpenImageIO", reason="ft-dcc[colour] is not installed")
    image = oiio.ImageBuf(oiio.ImageSpec(64, 36, 3, "half"))
    image.specmod().channelnames = ["diffuse.red", "diffuse.green", "diffuse.blue"]
    oiio.ImageBufAlgo.fill(image, (0.5, 0.5, 0.5))
    for frame in (1001, 1002):
        assert image.write(str(tmp_path / f"a.{frame}.exr")), image.geterror()
    keep, folder = kept
    sources = (str(tmp_path / "a.%04d.exr"), str(tmp_path / "a.1002.exr"))
    request = PublishRequest(shot("1001-1002", "24"), sources, colour=media.ColourOptions(space="ACES2065-1"))
    published = Publisher(session, None, keep, jobs).publish(request)
    assert (len(published.versions), published.problems) == (2, ())
    # The colour options apply to the still, too: the ACES view differs from the plain curve.
    still = run_ffmpeg("-i", folder / "still.jpg", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    assert abs(still[0] - luma_of(folder / "ftrackreview-mp4.mp4")[0][0]) <= 2


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_host_that_captures_alone_is_encoded_afterwards(session, task, task_path, jobs, is_alone):
    names = []

    class WatchedHost(ColourBars):
        captures_alone = is_alone

        def playblast(self, request, on_frame):
            def record(frame):
                names.extend(thread.name for thread in threading.enumerate())
                on_frame(frame)

            return super().playblast(request, record)

    published = publish(PublishRequest(task_path), session, WatchedHost(), jobs=jobs)
    assert ("ft-dcc encoding" in names) is not is_alone
    assert report_of(published)["made"][0]["frame_count"] == 12


@pytest.mark.parametrize("kind", ["camera", "frames", "film"])
def test_the_thumbnail_is_the_chosen_frame_or_image(session, shot, paint, jobs, kept, tmp_path, kind):
    keep, folder = kept
    frames = paint("1001-1012")
    sources = {"camera": None, "frames": frames.pattern}
    if kind == "film":
        sources["film"] = str(media.encode(frames, tmp_path / "cut.mp4").path)
    host = ColourBars() if kind == "camera" else None
    request = PublishRequest(shot("1001-1012", "24"), sources[kind], slate=True)
    for wanted, number in (("1004", 1004), (frames.path(1011), 1011)):
        Publisher(session, host, keep, jobs).publish(attrs.evolve(request, thumbnail=str(wanted)))
        expected, found = (luma_of(each)[0] for each in (frames.path(number), folder / "thumbnail.jpg"))
        assert max(abs(one - other) for one, other in zip(expected, found)) < 40
    for wanted, message in (
        ("1013", "has the frames 1001-1012, so frame 1013 cannot be"),
        ("no.png", "does not exist"),
    ):
        with pytest.raises(Error, match=message):
            publish(attrs.evolve(request, thumbnail=wanted), session, host, jobs=jobs)
