"""Save a screenshot of the review page of the demo: python .ci/screenshot.py docs/images/review.png."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from ft_dcc.cli import demo, main
from ft_dcc.errors import Error
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.system import child_process


def take_screenshot(report: dict[str, Any]) -> str:
    """Save a screenshot of the review page in a laptop-sized window, in place of the demo's check; return its path."""
    path = Path(sys.argv[1]).absolute()
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        raise Error("No browser was found for the screenshot. Install Chromium.")
    with temporary_folder("ft-dcc-browser-") as profile:
        options = (
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
            *("--hide-scrollbars", "--window-size=1440,900", "--virtual-time-budget=5000"),
            *(f"--user-data-dir={profile}", f"--screenshot={path}"),
        )
        child_process.run([browser, *options, report["link"]], check=True, capture_output=True, timeout=120)
    return str(path)


demo._check = take_screenshot
sys.exit(main.run(["demo", "--once"]))
