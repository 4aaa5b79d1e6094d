"""The sound of a movie compared with Blender's own mixdown."""

import struct
import wave
from fractions import Fraction

import requests
from doubles.numbered_images import run_ffmpeg
from run_options import TIMEOUT_SECONDS

from ft_dcc.frames import FrameRange
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher

RATE = 48000


def levels(path, fps=24):
    with wave.open(str(path)) as file:
        count = file.getframerate() // fps * file.getnchannels()
        raw = file.readframes(file.getnframes())
    values = struct.unpack(f"<{len(raw) // 2}h", raw)
    return [max(map(abs, values[start : start + count])) for start in range(0, len(values) - count + 1, count)]


def mixed(host, path, frames="1001-1012"):
    assert host.mixdown(FrameRange.parse(frames), path)
    return levels(path)


def test_the_mixdown_covers_the_range_and_restores_the_scene(host, strips, tmp_path, state, tone):
    strips.new_sound("tone", str(tone), 1, 1005)
    before = state()
    heard = mixed(host, tmp_path / "mix.wav")
    # Four silent frames, then the tone.
    assert [level > 1000 for level in heard[:12]] == [False] * 4 + [True] * 8
    assert state() == before


def test_an_animated_volume_is_heard(host, strips, tmp_path, tone):
    strip = strips.new_sound("tone", str(tone), 1, 1001)
    for frame, volume in ((1001, 1.0), (1012, 0.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)
    heard = mixed(host, tmp_path / "mix.wav")
    assert heard[0] > 2 * heard[7] > 4 * heard[10]


def test_a_packed_sound_is_heard_and_not_refused(host, strips, tmp_path, tone):
    strips.new_sound("tone", str(tone), 1, 1001).sound.pack()
    tone.unlink()
    assert host.scene().sounds == ()
    assert min(mixed(host, tmp_path / "mix.wav")[:10]) > 1000


def test_a_muted_meta_strip_is_silent_and_its_sounds_are_not_listed(host, strips, scene, tmp_path, tone, sample):
    meta = strips.new_meta("scene", 2, 1001)
    sample.strips(meta).new_sound("tone", str(tone), 1, 1001)
    assert [sound.path.name for sound in host.scene().sounds] == ["tone.wav"]
    meta.mute = True
    assert host.scene().sounds == ()
    assert not host.mixdown(FrameRange(1001, 1012), tmp_path / "mix.wav")


def test_a_sound_in_a_trimmed_meta_strip_is_listed_with_the_range_of_the_meta_strip(host, strips, tone, sample):
    meta = strips.new_meta("scene", 2, 1001)
    sample.strips(meta).new_sound("tone", str(tone), 1, 1001)
    setattr(meta, "right_handle" if hasattr(meta, "right_handle") else "frame_final_end", 1007)
    (sound,) = host.scene().sounds
    assert sound.heard == (Fraction(1001), Fraction(1007))


def test_a_scene_without_sound_or_before_frame_0_is_not_mixed(host, strips, tmp_path, tone):
    assert not host.mixdown(FrameRange(1001, 1012), tmp_path / "mix.wav")
    strips.new_sound("tone", str(tone), 1, 1001)
    assert not host.mixdown(FrameRange(-5, 12), tmp_path / "mix.wav")


def test_the_sound_of_a_published_movie_is_the_mixdown(host, strips, session, project_task, tmp_path, tone):
    strip = strips.new_sound("tone", str(tone), 1, 1003)
    for frame, volume in ((1003, 0.2), (1012, 1.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)
    expected = mixed(host, tmp_path / "expected.wav")
    values = {"frame_range": FrameRange(1001, 1012), "fps": Fraction(24), "resolution": host.scene().resolution}
    request = PublishRequest(project_task["id"], "Camera", review=(), look={"samples": "OFF"}, **values)
    version = Publisher(session, host, jobs=tmp_path / "jobs").publish(request).first
    component = next(each for each in version.components if each.name == "ftrackreview-mp4")
    location, movie = session.query("Location where name is 'ftrack.server'").one(), tmp_path / "a.mp4"
    movie.write_bytes(
        requests.get(location.get_url(session.get("FileComponent", component.id)), timeout=TIMEOUT_SECONDS).content
    )
    run_ffmpeg("-i", movie, "-ac", "1", "-ar", str(RATE), tmp_path / "heard.wav")
    heard = levels(tmp_path / "heard.wav")
    # AAC changes levels a little, and smears the start of a tone over its frame.
    assert all(abs(a - b) < 900 for a, b in zip(heard[3:11], expected[3:11]))
    assert max(heard[0], expected[0]) < 200
