"""The image of the home for the documentation: ``FT_DCC_IMAGES=docs/images pytest tests/browser/test_images.py``."""

import os
import subprocess
from pathlib import Path

import pytest
from browser.test_home import home
from doubles.numbered_movies import Movie

from ft_dcc.media import ffmpeg

__all__ = ["home"]

FOLDER = os.environ.get("FT_DCC_IMAGES")
SIZE = (1280, 720)
# Generated images of ffmpeg, by the names of the sessions; the newest session is the first card.
SESSIONS = {
    "Evening dailies": ("mandelbrot=start_scale=3", "mandelbrot=start_scale=0.4", "sierpinski", "gradients=seed=4"),
    "Client review": ("gradients=seed=7", "mandelbrot=start_scale=0.02"),
    "Layout of sequence 20": ("sierpinski=type=triangle", "gradients=seed=11", "mandelbrot=start_scale=0.1"),
    "Lighting of sequence 10": ("mandelbrot=start_scale=1",),
}

pytestmark = pytest.mark.skipif(FOLDER is None, reason="FT_DCC_IMAGES names the folder of the images")


def generated_movie(folder: Path, source: str) -> Movie:
    path = folder / f"{source.replace('=', '-')}.mp4"
    options = f"{source}{':' if '=' in source else '='}s={SIZE[0]}x{SIZE[1]}:r=24"
    codec = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "0", "-frames:v", "12")
    command = [ffmpeg.find(), "-v", "error", "-y", "-f", "lavfi", "-i", options, *codec, str(path)]
    subprocess.run(command, check=True)
    return Movie(path, "24", 1001, 12, SIZE)


def test_image_of_the_home(home, reviews, tmp_path):
    for name, sources in reversed(SESSIONS.items()):
        review_id = reviews.open(name)
        versions = [
            reviews.add(review_id, generated_movie(tmp_path, source), name=f"sh{number:02}0")
            for number, source in enumerate(sources, 1)
        ]
        home.goto(f"{reviews.session.server_url}/review/{review_id}/studio?version={versions[-1].id}")
        if name in ("Evening dailies", "Lighting of sequence 10"):
            home.click("#own-status button[value=approved]")
            home.wait_for_selector('.verdict[data-status="approved"]')
    home.set_viewport_size({"width": 1280, "height": 640})
    home.goto(reviews.session.server_url)
    home.wait_for_function(
        "count => [...document.querySelectorAll('.card img')].filter((each) => each.naturalWidth > 0).length === count",
        arg=sum(map(len, SESSIONS.values())),
    )
    home.screenshot(path=Path(FOLDER, "home.png"))
