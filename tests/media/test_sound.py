"""Sound stays in sync: a click at a known time is at its frame."""

import wave
from array import array
from fractions import Fraction

import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg

from ft_dcc.errors import EncodeFailed
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import encode, presets, probe, transcode
from ft_dcc.media.burnin import Burnin
from ft_dcc.media.sound import Sound

RATE = 48000


CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}


def make_click(path, at=0.5, length=1.5, layout="mono", *arguments):
    if (path.suffix, layout) == (".wav", "mono"):
        samples = [16384 if at <= place / RATE <= at + 0.002 else 0 for place in range(int(length * RATE))]
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(array("h", samples).tobytes())
        return path
    click = rf"if(between(t\,{at}\,{at + 0.002})\,0.5\,0)"
    source = f"aevalsrc={'|'.join([click] * CHANNELS[layout])}:s=48000:d={length}:c={layout}"
    run_ffmpeg("-f", "lavfi", "-i", source, *arguments, path)
    return path


def clicks_in(movie, fps):
    """Return the positions of all clicks, in frames from the first one, and the length of the sound in frames."""
    samples = array("h", run_ffmpeg("-i", movie, "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"))
    loud = [at for at, level in enumerate(samples) if abs(level) > 1500]
    starts = [at for at, before in zip(loud, [-RATE, *loud]) if at - before > RATE // 50]
    return [at / RATE * float(fps) for at in starts], len(samples) / RATE * float(fps)


@pytest.mark.parametrize(
    ("start", "rate"),
    [
        # Before the range, at its first frame, in it, and between two frames.
        (Fraction(993), "23.976"),
        (Fraction(1001), "24"),
        (Fraction(1006), "59.94"),
        (Fraction(2009, 2), "23.976"),
    ],
)
def test_click_is_in_sync_with_its_frame(make_frames, tmp_path, rate, start):
    fps = frame_rate(rate)
    sound = Sound(make_click(tmp_path / "a.wav", at=10 / float(fps)), start)
    movie = encode(make_frames("1001-1024", fps), tmp_path / "film.mp4", sounds=[sound])
    (heard,), length = clicks_in(movie.path, fps)
    assert abs(heard - float(start + 10 - 1001)) < 0.5
    assert abs(length - 24) < 0.6
    assert (bool(probe(movie.path).audio_codec), movie.frame_count) == (True, 24)


@pytest.mark.parametrize("start", [900, 1100])
def test_sound_outside_of_the_range_is_silence(make_frames, tmp_path, start):
    sound = Sound(make_click(tmp_path / "a.wav"), Fraction(start))
    clicks, length = clicks_in(encode(make_frames("1001-1012"), tmp_path / "film.mp4", sounds=[sound]).path, 24)
    assert clicks == []
    assert abs(length - 12) < 0.6


@pytest.mark.parametrize(
    ("layout", "name", "arguments"),
    [("mono", "a.wav", ()), ("5.1", "a.flac", ()), ("stereo", "a.m4a", ("-c:a", "aac"))],
)
def test_any_channel_layout_becomes_stereo_in_sync(make_frames, tmp_path, layout, name, arguments):
    sound = Sound(make_click(tmp_path / name, 0.25, 1.0, layout, *arguments), Fraction(1001))
    movie = encode(make_frames("1001-1024"), tmp_path / "film.mp4", sounds=[sound])
    (heard,), frames = clicks_in(movie.path, 24)
    assert abs(heard - 6) < 0.5
    # Stereo rather than six channels.
    both = len(run_ffmpeg("-i", movie.path, "-map", "0:a", "-f", "s16le", "-"))
    assert both == pytest.approx(2 * 2 * RATE * frames / 24, rel=0.01)


def levels_in(movie):
    samples = array("h", run_ffmpeg("-i", movie, "-map", "0:a", "-f", "s16le", "-"))
    return [max(map(abs, samples[channel::2])) / 32768 for channel in (0, 1)]


def make_tone(path, *peaks, layout):
    tones = "|".join(f"{peak}*sin(880*PI*t)" for peak in peaks)
    run_ffmpeg("-f", "lavfi", "-i", f"aevalsrc={tones}:s=48000:d=1:c={layout}", path)
    return path


@pytest.mark.parametrize(
    ("output", "layout", "peaks", "left", "right"),
    [
        (presets.REVIEW, "mono", (0.125,), 0.125, 0.125),
        (presets.EDITORIAL, "stereo", (0.125, 0.25), 0.125, 0.25),
        # Left and right, centre, low frequencies, surround; the weights of the mixture sum to 1.
        (presets.REVIEW, "5.1", (0.125, 0.125, 0.125, 0, 0.125, 0.125), 0.125, 0.125),
        (presets.EDITORIAL, "7.1", (0.125,) * 8, 0.125, 0.125),
    ],
    ids=str,
)
def test_sound_of_any_layout_keeps_its_level(make_frames, tmp_path, layout, peaks, left, right, output):
    sound = Sound(make_tone(tmp_path / "a.wav", *peaks, layout=layout), Fraction(1001))
    movie = encode(make_frames("1001-1024"), tmp_path / "film.mov", sounds=[sound], output=output)
    # AAC changes the peaks of two different channels; a loss of 3 dB is 29 %.
    assert levels_in(movie.path) == pytest.approx([left, right], rel=0.25 if output is presets.REVIEW else 0.02)
    mixed = f"sound of a.wav mixed down from {layout} to stereo"
    assert movie.changes == (mixed if layout in ("5.1", "7.1") else "")


def test_mono_of_a_movie_keeps_its_level_and_its_other_tracks_are_named(make_frames, tmp_path):
    frames = make_frames("1001-1024")
    tones = [make_tone(tmp_path / f"{name}.wav", 0.125, layout="mono") for name in "ab"]
    inputs = ("-start_number", "1001", "-i", frames.pattern, "-i", tones[0], "-i", tones[1])
    run_ffmpeg(*inputs, "-map", "0", "-map", "1", "-map", "2", "-c:a", "pcm_s16le", tmp_path / "source.mov")
    movie = transcode(tmp_path / "source.mov", tmp_path / "film.mp4")
    assert levels_in(movie.path) == pytest.approx([0.125, 0.125], rel=0.05)
    assert movie.changes == "only the first of 2 sound tracks of source.mov"


def test_mixed_sounds_keep_their_volume(make_frames, tmp_path):
    first = Sound(make_click(tmp_path / "a b.wav", 0.25), Fraction(1001))
    second = Sound(make_click(tmp_path / "%04d.wav", 0.25), Fraction(1010))
    frames = make_frames("1001-1024")
    clicks, _ = clicks_in(encode(frames, tmp_path / "film.mp4", sounds=[first, second]).path, 24)
    assert [round(click) for click in clicks] == [6, 15]
    alone = loudest(encode(frames, tmp_path / "one.mp4", sounds=[first]).path)
    assert abs(loudest(tmp_path / "film.mp4") - alone) < alone / 10


def loudest(movie):
    return max(map(abs, array("h", run_ffmpeg("-i", movie, "-map", "0:a", "-f", "s16le", "-ac", "1", "-"))))


def test_slate_delays_the_sound(make_frames, tmp_path):
    sound = Sound(make_click(tmp_path / "a.wav", 0.25), Fraction(1001))
    frames = make_frames("1001-1024", size="640x360")
    movie = encode(frames, tmp_path / "film.mp4", sounds=[sound], burnin=Burnin(slate=("slate",)))
    (heard,), length = clicks_in(movie.path, 24)
    assert abs(heard - 7) < 0.5
    assert abs(length - 25) < 0.6


def test_movie_keeps_its_own_sound_with_another_one(make_frames, tmp_path):
    frames = make_frames("1001-1024")
    encode(frames, tmp_path / "film.mp4", sounds=[Sound(make_click(tmp_path / "a.wav", 0.25), Fraction(1001))])
    other = Sound(make_click(tmp_path / "b.wav", 0.25), Fraction(1010))
    movie = transcode(tmp_path / "film.mp4", tmp_path / "again.mp4", first_frame=1001, sounds=[other])
    clicks, _ = clicks_in(movie.path, 24)
    assert [round(click) for click in clicks] == [6, 15]
    assert numbers_in(movie.path, Resolution(64, 36)) == list(range(1001, 1025))


def test_invalid_sound_is_an_error(make_frames, tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(EncodeFailed, match="ffmpeg stopped"):
        encode(make_frames("1-4"), tmp_path / "film.mp4", sounds=[Sound(tmp_path / "a.wav", Fraction(1))])
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize(
    ("heard", "is_heard"),
    [
        # The click is at frame 1007, and its sound starts at 1001.
        ((1006, 1009), True),
        ((990, 1008), True),
        ((1008, 1025), False),
        ((900, 950), False),
    ],
)
def test_cut_sound_stays_in_sync(make_frames, tmp_path, heard, is_heard):
    first, end = map(Fraction, heard)
    sound = Sound(make_click(tmp_path / "a.wav", 0.25), Fraction(1001), (first, end))
    clicks, length = clicks_in(encode(make_frames("1001-1024"), tmp_path / "film.mp4", sounds=[sound]).path, 24)
    assert [abs(click - 6) < 0.5 for click in clicks] == [True] * is_heard
    assert abs(length - 24) < 0.6


def test_sound_volume_is_applied(make_frames, tmp_path):
    frames, path = make_frames("1001-1024"), make_click(tmp_path / "a.wav", 0.25)
    whole = loudest(encode(frames, tmp_path / "a.mp4", sounds=[Sound(path, Fraction(1001))]).path)
    half = loudest(encode(frames, tmp_path / "b.mp4", sounds=[Sound(path, Fraction(1001), volume=0.5)]).path)
    assert abs(half / whole - 0.5) < 0.05
