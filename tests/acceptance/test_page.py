from __future__ import annotations

from ft_dcc.contract.host_under_test import CheckContext
from ft_dcc.contract.run import results_page, summary


def report_of(*checks):
    names = ("name", "title", "outcome", "why", "figures")
    return {
        "host": "Maya",
        "version": "2026",
        "window": True,
        "system": "Linux x86_64",
        "date": "2026-01-31",
        "checks": [dict(zip(names, check)) for check in checks],
    }


REPORT = report_of(
    ("frames", "Each frame is a complete image", "passed", "", {"seconds per frame": 0.1}),
    ("png", "An image has the colour type", "failed", "expected <8>", {}),
    ("escape", "Escape ends a playblast", "skipped", "no user is present", {}),
)


def test_the_summary_says_in_words_what_passed_and_failed():
    assert list(summary(REPORT)) == [
        "Maya 2026 with its window, Linux x86_64, on 2026-01-31.",
        "1 of 2 checks passed.",
        "Failed: An image has the colour type.",
        "1 were not run, each for the reason in its row.",
    ]


def test_the_page_has_the_images_of_a_check_side_by_side_and_escapes_texts():
    images = {"frames": [{"caption": "frame 1001", "png": "AAAA"}, {"caption": "frame <1006>", "png": "BBBB"}]}
    page = results_page(REPORT, images)
    row = page.partition("Each frame is a complete image")[2].partition("</tr>")[0]
    assert row.index("base64,AAAA") < row.index("base64,BBBB") and row.count("<figure>") == 2
    assert "frame &lt;1006&gt;" in row and "seconds per frame: 0.1" in row
    assert "expected &lt;8&gt;" in page and "<8>" not in page
    assert page.count("http") == 0


def test_a_image_is_kept_although_its_file_is_removed(tmp_path):
    image = tmp_path / "shot.png"
    image.write_bytes(b"png")
    context = CheckContext(None, tmp_path, "")
    context.show("frame 1001", image)
    image.unlink()
    assert context.images == [{"caption": "frame 1001", "png": "cG5n"}]
