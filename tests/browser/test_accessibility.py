"""Test that the review page violates no accessibility rule, in each of its states, under its own security policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.test_guests import draw, review, wait_for_notes, wait_for_strokes
from browser.test_note_files import _DROP, _PASTE

__all__ = ["review"]

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# The narrow and the wide layout in every state; those between in the last one.
SIZES = [(390, 844), (1440, 900)]
OTHER_SIZES = [(820, 1180), (1024, 768)]


def violations(view):
    """Return the violated rules. The source is evaluated by the debugger: the policy of the page stays in force."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm --prefix web ci")
    if not view.page.evaluate("() => 'axe' in window"):
        view.page.evaluate(AXE.read_text("utf-8"))
    result = view.page.evaluate("() => axe.run()")
    return [
        f"{found['id']}: {[(node['target'], node['html'][:120]) for node in found['nodes']]}"
        for found in result["violations"]
    ]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_review_page_has_no_violation_in_any_state(view, reviews, review, width, height, movie):
    view.page.set_viewport_size({"width": width, "height": height})
    view.open(reviews.invite(review[0], "Ada Example", "view comment draw decide download present"))
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    assert violations(view) == []
    view.press("d")
    draw(view, (0.2, 0.3), (0.6, 0.6))
    wait_for_strokes(view, 1)
    view.page.fill("#note-text", "Like this.")
    view.page.evaluate(_PASTE, ["#note-text", 64])
    view.page.evaluate(_DROP, ["#note-form", "curve.txt"])
    view.page.wait_for_function("() => document.querySelectorAll('.draft-file .text-button').length === 2")
    assert violations(view) == []
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.page.click("#draw")
    view.page.click(".note-reply")
    view.page.fill(".text-form textarea", "Why?")
    view.page.press(".text-form textarea", "Control+Enter")
    view.page.wait_for_selector(".replies .note")
    view.page.click(".note-done")
    view.page.wait_for_selector('.note[data-done="true"]')
    for status in ("require_changes", "approved"):
        view.page.click(f"#own-status button[value={status}]")
        view.page.wait_for_selector(f'.verdict[data-status="{status}"]')
    view.page.eval_on_selector(".verdict-history", "(history) => { history.open = true; }")
    view.page.click("#present")
    view.page.wait_for_selector("text=You present")
    view.page.click("#show-people")
    assert violations(view) == []
    reviews.add(review[0], movie, after=review[1])
    view.page.click(".stack-version:not([aria-current])")
    view.page.click("#show-earlier")
    view.page.wait_for_selector("#earlier-notes .note")
    assert violations(view) == []
    view.page.evaluate("() => document.activeElement.blur()")
    view.press("?")
    view.page.wait_for_selector("#keys[open]")
    assert violations(view) == []
    view.press("Escape")
    view.page.click("#show-export")
    view.page.wait_for_selector("#export[open] >> text=Download PDF")
    assert violations(view) == []
    assert view.page.eval_on_selector("#export", "(dialog) => dialog.scrollWidth - dialog.clientWidth") == 0
    assert view.page.evaluate("() => document.documentElement.scrollWidth") <= width
    view.press("Escape")
    for other_width, other_height in OTHER_SIZES:
        view.page.set_viewport_size({"width": other_width, "height": other_height})
        assert violations(view) == []


def test_inline_scripts_are_refused_while_the_rules_are_checked(view, reviews, review):
    view.open(reviews.link(review[0]))
    assert violations(view) == []
    view.page.evaluate(
        "() => { const tag = document.createElement('script'); tag.text = 'window.ran = true';"
        " document.body.append(tag); }"
    )
    assert view.page.evaluate("() => window.ran") is None
    assert any("Content Security Policy" in error for error in view.errors)
    view.leave()


def test_read_only_page_shows_no_control_that_is_not_allowed(view, reviews, review):
    link = reviews.invite(review[0], "Ada Example", "view comment")
    view.open(link)
    for selector in ("#own-status", "#draw", ".version-select", "#present"):
        assert view.page.locator(selector).count() == 0
    view.page.fill("#note-text", "Slower.")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.open(reviews.link(review[0]))
    for selector in ("#note-form", "#attach", ".note-actions", "#own-status", ".version-select"):
        assert view.page.locator(selector).count() == 0
    assert violations(view) == []


@pytest.mark.parametrize(
    ("rights", "shown"),
    [
        ("view draw", {"#draw"}),
        ("view decide", {"#own-status", ".version-select"}),
        ("view comment draw", {"#draw", "#attach"}),
    ],
)
def test_controls_follow_the_rights_of_the_visitor(view, reviews, review, rights, shown):
    view.open(reviews.invite(review[0], "Ada Example", rights))
    view.page.wait_for_selector("#show-people")
    selectors = {"#draw", "#attach", "#own-status", ".version-select"}
    assert {selector for selector in selectors if view.page.locator(selector).count() > 0} == shown
    if rights == "view draw":
        assert view.page.is_disabled("#note-text")
    assert violations(view) == []
