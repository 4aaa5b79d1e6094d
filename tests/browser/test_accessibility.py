"""Test that the review page violates no accessibility rule, in each of its states, under its own security policy."""

from browser.conftest import violations
from browser.test_note_files import DROP, PASTE
from playwright.sync_api import expect

# The layout of a phone, and the wide one, in which the story goes on.
SIZES = [(390, 844), (1440, 900)]
OTHER_SIZES = [(820, 1180), (1024, 768)]


def check_layouts(view, sizes=SIZES):
    for width, height in sizes:
        view.page.set_viewport_size({"width": width, "height": height})
        assert violations(view.page) == []
        assert view.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_review_page_has_no_violation_in_any_state(view, reviews, review, movie):
    view.open(reviews.invite(review[0], "Ada Example", "view comment draw decide download present"))
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    check_layouts(view)
    view.press("d")
    view.draw((0.2, 0.3), (0.6, 0.6))
    view.wait_for_strokes(1)
    view.page.fill("#note-text", "Like this.")
    view.page.evaluate(PASTE, ["#note-text", 64])
    view.page.evaluate(DROP, ["#note-form", "curve.txt"])
    view.page.wait_for_function("() => document.querySelectorAll('.draft-file .text-button').length === 2")
    check_layouts(view)
    view.send(1)
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
    check_layouts(view)
    reviews.add(review[0], movie, after=review[1])
    view.page.click(".stack-version:not([aria-current])")
    view.page.click("#show-earlier")
    view.page.wait_for_selector("#earlier-notes .note")
    check_layouts(view)
    view.page.evaluate("() => document.activeElement.blur()")
    view.press("?")
    view.page.wait_for_selector("#keys[open]")
    check_layouts(view)
    view.press("Escape")
    view.page.click("#show-export")
    view.page.wait_for_selector("#export[open] >> text=Download PDF")
    check_layouts(view, [*OTHER_SIZES, *SIZES])
    assert view.page.eval_on_selector("#export", "(dialog) => dialog.scrollWidth - dialog.clientWidth") == 0


def test_inline_scripts_are_refused_while_the_rules_are_checked(view, reviews, review):
    view.open(reviews.link(review[0]))
    assert violations(view.page) == []
    view.page.evaluate(
        "() => { const tag = document.createElement('script'); tag.text = 'window.ran = true';"
        " document.body.append(tag); }"
    )
    assert view.page.evaluate("() => window.ran") is None
    assert any("Content Security Policy" in error for error in view.errors)
    view.leave()


def test_read_only_page_shows_no_control_that_is_not_allowed(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example", "view comment"))
    for selector in ("#own-status", "#draw", ".version-select", "#present"):
        expect(view.page.locator(selector)).to_have_count(0)
    view.send(1, "Slower.")
    view.open(reviews.link(review[0]))
    for selector in ("#note-form", "#attach", ".note-actions", "#own-status", ".version-select"):
        expect(view.page.locator(selector)).to_have_count(0)
    assert violations(view.page) == []


def test_controls_follow_the_rights_of_the_visitor(view, reviews, review):
    selectors = {"#draw", "#attach", "#own-status", ".version-select"}
    for name, rights, shown in (
        ("Ada", "view draw", {"#draw"}),
        ("Bo", "view decide", {"#own-status", ".version-select"}),
        ("Cy", "view comment draw", {"#draw", "#attach"}),
    ):
        view.open(reviews.invite(review[0], name, rights))
        view.page.wait_for_selector("#show-people")
        assert {selector for selector in selectors if view.page.locator(selector).count() > 0} == shown
        if rights == "view draw":
            expect(view.page.locator("#note-text")).to_be_disabled()
        assert violations(view.page) == []
