"""The stored form of camera settings: every frame, few characters, and tolerance for other forms."""

from __future__ import annotations

import json

import pytest

from ft_dcc.host_support.camera_settings import pack_settings, settings_at


@pytest.mark.parametrize(
    "frames",
    [[7], [1001, 1002], range(-3, 4), range(-12, -2), range(1001, 1101, 3), [1, 2, 3, 10, 11, 30], [5, 1, 2]],
    ids=str,
)
def test_settings_are_the_same_after_they_were_stored(frames):
    settings = {frame: {"fit": "AUTO", "lens": 50.0 + frame // 3, "shift": frame / 8} for frame in frames}
    stored = json.loads(json.dumps(pack_settings(settings)))
    assert settings_at(stored, frames) == settings


def test_a_camera_of_another_kind_begins_another_range():
    wide, flat = {"type": "PERSP", "lens": 50.0}, {"type": "ORTHO", "scale": 7.0}
    settings = {1: wide, 2: wide, 3: flat, 4: wide}
    assert pack_settings(settings) == {"1-2": wide, "3-3": flat, "4-4": wide}
    assert settings_at(pack_settings(settings), range(1, 5)) == settings


def test_a_long_range_with_a_static_lens_is_short():
    stored = json.dumps(pack_settings({frame: {"fit": "AUTO", "lens": 50.0} for frame in range(1, 10_001)}))
    assert stored == '{"1-10000": {"fit": "AUTO", "lens": 50.0}}'


def test_an_animated_lens_has_few_characters_per_frame():
    moving = {frame: {"fit": "AUTO", "lens": 50 + frame / 7.3} for frame in range(1, 1001)}
    assert len(json.dumps(pack_settings(moving))) < 16 * len(moving)


def test_a_frame_outside_of_the_stored_ones_has_the_settings_of_the_nearest():
    stored = {"10-14x2": {"lens": [[50.0, 1], [60.0, 2]]}, "20-21": {"lens": 70.0}}
    assert {frame: sorted(settings_at(stored, [frame])) for frame in (1, 11, 12, 13, 17, 21, 99)} == {
        1: [10],
        11: [10, 12],
        12: [12],
        13: [12, 14],
        17: [14, 20],
        21: [21],
        99: [21],
    }


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"1-5": None, "first": {"lens": 50.0}, "": {"lens": 50.0}, "5-1": {"lens": 50.0}, "99999999999": {"lens": 1}},
        {"1-5": {"lens": [[50.0, 1]]}},
        {"1-5": {"lens": [50.0, 50.0], "fit": {"value": 1}, "shift": [[True, 9]], "scale": [[None, 9]], "x": [[1.0]]}},
    ],
    ids=str,
)
def test_another_form_is_left_out(stored):
    assert not any(settings_at(stored, [3]).values())
