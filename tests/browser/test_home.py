"""Test the home of the studio in a browser: sign-in, cards, dialogs, and no violation of accessibility rules."""

import json
import re
import uuid
from pathlib import Path

import pytest
from browser.conftest import sign_in, violations
from browser.test_page import OVERLAPS
from playwright.sync_api import expect

WIDTHS = (1440, 390)


@pytest.fixture
def home(user_view, server_process):
    """Return the home of the first user; it must not log an error."""
    user_view.page.goto(f"{server_process.url}/")
    user_view.page.wait_for_selector("h1:has-text('Reviews')")
    return user_view.page


def copied_link(page):
    """Return the link that the page offers to copy, as soon as it is there."""
    link = page.locator("#copied-text")
    expect(link).not_to_have_value("")
    return link.input_value()


def check_layout(page):
    """Assert that the page has no sideways scrolling when it is wide or narrow, and that a narrow one is accessible."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def test_a_user_sees_the_signed_in_browsers_and_signs_another_one_out(home, other_context, server_process):
    other = other_context.new_page()
    sign_in(other, server_process.credentials)
    home.click("text=Browsers")
    expect(home.locator("dialog li", has_text="this one")).to_have_count(1)
    check_layout(home)
    # The newest session is the first one.
    home.locator("dialog li").first.get_by_role("button").click()
    home.wait_for_selector("text=is signed out.")
    other.reload()
    assert "/user/sign_in" in other.url


def test_an_unknown_project_is_a_sentence_with_a_way_back(home, server_process):
    home.goto(f"{server_process.url}/projects/nothing")
    home.wait_for_selector("text=There is no such project, or you have no access to it.")
    home.click("text=All projects")
    home.wait_for_selector("h1:has-text('Projects')")


def test_review_is_created_scheduled_and_closed_from_the_page(home, reviews, movie, server_process):
    reviews.add(reviews.open("Filled"), movie)
    home.reload()
    card = home.locator(".card", has_text="Filled").first
    expect(card).to_contain_text("1 of 1 undecided")
    expect(card.locator("img")).to_have_count(1)
    check_layout(home)
    home.click("button:has-text('New review')")
    name = f"Dailies {uuid.uuid4().hex[:6]}"
    home.fill("#field-name", name)
    check_layout(home)
    home.click("dialog button.main-button")
    home.wait_for_selector(f"dialog h2:has-text('{name}')")
    expect(home.locator("#copied-text")).to_have_value(re.compile("/review/[^/]+/.{32}"))
    check_layout(home)
    home.click("dialog button:has-text('Close the review')")
    home.wait_for_selector("dialog >> text=The review is closed.")
    home.click("dialog button:has-text('Open the review again')")
    home.wait_for_selector("dialog >> text=The review is open again.")
    home.click("dialog button:has-text('Close the review')")
    home.wait_for_selector("dialog button:has-text('Open the review again')")
    home.keyboard.press("Escape")
    expect(home.locator(".card", has_text=name)).to_have_count(0)
    home.select_option("#field-state", "closed")
    expect(home.locator(".card", has_text=name).first).to_be_visible()
    expect(home.locator("dialog")).to_have_count(0)
    assert home.url.endswith("?state=closed")


def test_a_review_follows_a_sequence_and_collects_what_was_published(home, reviews, movie):
    reviews.add(reviews.open("Earlier"), movie)
    review = reviews.open("Following")
    home.reload()
    home.locator(".card", has_text="Following").first.get_by_role("button").click()
    home.click("dialog button:has-text('Versions')")
    home.fill("dialog input[type=search]", "s")
    home.locator("dialog button[aria-label^='Follow ']").first.click()
    home.wait_for_selector("dialog >> text=The review follows")
    expect(home.locator("dialog ol li", has_text="follows: newest").first).to_be_visible()
    home.click("dialog button:has-text('Add what was published')")
    home.wait_for_selector("dialog .notice >> text=since the last review")
    check_layout(home)
    where = f"review_session_id is {review} and follows is newest"
    assert reviews.session.query(f"select id from ReviewSessionObject where {where}").all()


def test_project_is_imported_edited_in_place_and_exported(home, server_process, reviews):
    session = reviews.session
    home.click("nav >> text=Projects")
    home.wait_for_selector("h1:has-text('Projects')")
    check_layout(home)
    name = f"short{uuid.uuid4().hex[:6]}"
    home.click("button:has-text('New project')")
    home.fill("#field-name", name)
    home.click("dialog button.main-button")
    home.click(f"main a:has-text('{name}')")
    home.wait_for_selector("text=The project has no shots yet.")
    home.click("button:has-text('Import')")
    rows = ["sequence\tshot\ttask\tframes\tfps\tstatus", "sq010\tsh010\tanimation\t1001-1048\t24\tIn progress"]
    home.fill("textarea", "\n".join([*rows, "sq010\tsh010\tlighting\t\t\tGone"]))
    home.wait_for_selector("text=There is no status 'Gone'.")
    expect(home.locator("dialog button.main-button")).to_be_disabled()
    home.fill("textarea", "Sequenz;Frames;Mood\nsq010;1-10;dark")
    home.wait_for_selector("text=has no column for the shot")
    home.fill("textarea", "Sequenz;Shot Code;Mood\nsq010;sh010;dark")
    home.wait_for_selector("text=Not imported: Mood.")
    home.fill("textarea", "\n".join([*rows, "sq010\tsh020\tlighting\t1-10\t23.976\t"]))
    check_layout(home)
    home.click("dialog button.main-button")
    home.wait_for_selector("text=Imported.")
    home.fill("input[aria-label='Frames of sq010 sh010 animation']", "1001-1060")
    home.press("input[aria-label='Frames of sq010 sh010 animation']", "Enter")
    home.wait_for_selector("text=Saved.")
    home.select_option("select[aria-label='Assignee of sq010 sh010 animation']", label="admin")
    expect(home.locator("select[aria-label='Assignee of sq010 sh010 animation'] option:checked")).to_have_text("admin")
    home.fill("input[aria-label='Due date of sq010 sh010 animation']", "2026-12-24")
    home.press("input[aria-label='Due date of sq010 sh010 animation']", "Enter")
    check_layout(home)
    with home.expect_download() as download:
        home.click("text=Export CSV")
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert lines[0] == "sequence,shot,task,frames,fps,assignee,status,due"
    assert lines[1].startswith("sq010,sh010,animation,1001-1060,24,admin,In progress,")
    assert lines[2].startswith("sq010,sh020,lighting,1-10,23.976,,")
    # Taken back: with an assignment, the publish panels offer only the tasks that are assigned to the user.
    with home.expect_response(lambda response: response.request.method == "POST"):
        home.select_option("select[aria-label='Assignee of sq010 sh010 animation']", label="–")
    session.reset()
    assert session.query(f'Appointment where context.project.name is "{name}"').all() == []
    shot = session.query(f'Shot where name is "sh010" and project.name is "{name}"').one()
    assert (shot["custom_attributes"]["fstart"], shot["custom_attributes"]["fend"]) == (1001, 1060)


def test_administrator_creates_a_person_who_signs_in_by_a_link(home, other_context):
    home.click("nav >> text=Administration")
    home.wait_for_selector("h2:has-text('Storage and health')")
    check_layout(home)
    home.select_option("#field-require_changes", "On Hold")
    home.click("button:has-text('Save the verdicts')")
    home.wait_for_selector("text=Saved.")
    home.reload()
    expect(home.locator("#field-require_changes")).to_have_value("On Hold")
    home.select_option("#field-require_changes", "default")
    home.click("button:has-text('Save the verdicts')")
    home.wait_for_selector("text=Saved.")
    name = f"ida{uuid.uuid4().hex[:6]}"
    home.click("button:has-text('New person')")
    home.fill("#field-name", name)
    home.fill("#field-first_name", "Ida")
    home.select_option("#field-role", "Reviewer")
    check_layout(home)
    home.click("dialog button.main-button")
    home.click(f"button[aria-label='Manage {name}']")
    home.click("text=Make a sign-in link")
    link = copied_link(home)
    check_layout(home)
    page = other_context.new_page()
    page.goto(link)
    page.click("button")
    page.wait_for_selector("h1:has-text('Reviews')")
    assert page.inner_text(".account span") == "Ida"
    expect(page.locator("nav >> text=Administration")).to_have_count(0)
    home.click("text=Sign out everywhere")
    home.wait_for_selector(f"text={name} is signed out in all browsers.")
    page.reload()
    page.wait_for_selector("h1:has-text('Sign in')")


def test_project_has_settings_of_its_own(home, reviews):
    name = f"short{uuid.uuid4().hex[:6]}"
    session = reviews.session
    schema = session.query("ProjectSchema").first()
    project = session.create("Project", {"name": name, "full_name": name, "project_schema": schema})
    session.commit()
    home.click("nav >> text=Administration")
    home.click(f"section[aria-labelledby='projects'] a:has-text('{name}')")
    expression = f'select value from EntitySetting where parent_id is "{project["id"]}"'
    for status, value in (
        ("On Hold", {"require_changes": "On Hold"}),
        ("none", {"require_changes": None}),
        ("default", {}),
    ):
        home.click("button:has-text('Settings')")
        home.fill("dialog #field-full_name", f"Short film {status}")
        home.select_option("dialog #field-require_changes", status)
        home.set_checked("dialog input[name='is_private']", checked=status == "none")
        check_layout(home)
        home.click("dialog button:has-text('Save')")
        home.wait_for_selector(f"h1:has-text('Short film {status}')")
        home.wait_for_selector("dialog", state="detached")
        session.reset()
        (setting,) = session.query(expression)
        assert json.loads(setting["value"]) == value
        assert session.get("Project", project["id"])["is_private"] == (status == "none")
    kept = f'select value from Metadata where parent_id is "{project["id"]}" and key is "ft_dcc.toml"'
    for text, stored in (("slate = true\n", ["slate = true\n"]), ("slate = false", ["slate = false"]), ("", [])):
        home.click("button:has-text('Settings')")
        home.fill("dialog #field-publishes", text)
        check_layout(home)
        home.click("dialog button:has-text('Save')")
        home.wait_for_selector("dialog", state="detached")
        session.reset()
        assert [each["value"] for each in session.query(kept)] == stored


def test_keys_act_on_the_page_and_are_named(home):
    home.keyboard.press("?")
    home.wait_for_selector("dialog h2:has-text('Keys')")
    check_layout(home)
    home.keyboard.press("n")
    expect(home.locator("dialog")).to_have_count(1)
    home.keyboard.press("Escape")
    home.wait_for_selector("dialog", state="detached")
    home.keyboard.press("/")
    assert home.evaluate("() => document.activeElement.type") == "search"
    # In a field, the keys are text.
    home.keyboard.type("n?2")
    expect(home.locator("dialog")).to_have_count(0)
    home.evaluate("() => document.activeElement.blur()")
    home.keyboard.press("n")
    home.wait_for_selector("dialog h2:has-text('New review')")
    home.keyboard.press("Escape")
    home.wait_for_selector("dialog", state="detached")
    home.keyboard.press("2")
    home.wait_for_selector("h1:has-text('Projects')")
    home.keyboard.press("3")
    home.wait_for_selector("h1:has-text('Administration')")


_SIZES = ((390, 844), (820, 1180), (1100, 700), (2560, 1440), (1440, 900))
_PARTS = [".top", ".title-row", ".filters", ".cards", ".rows", "section", ".table-frame", "dialog"]


def test_nothing_overlaps_at_any_size(home, reviews, movie, server_process):
    review_id = reviews.open("Dailies of the animation team, week 47, second half")
    reviews.add(review_id, movie)
    home.reload()
    project_id = reviews.session.get("ReviewSession", review_id)["project_id"]

    def check(name):
        for width, height in _SIZES:
            home.set_viewport_size({"width": width, "height": height})
            assert (name, width, home.evaluate(OVERLAPS, _PARTS)) == (name, width, [])
            assert home.evaluate("() => document.documentElement.scrollWidth") <= width
        assert violations(home) == []

    check("reviews")
    home.click("button[aria-label='Manage Dailies of the animation team, week 47, second half']")
    for part in ("Session", "People", "Versions", "Export"):
        home.click(f"dialog nav >> text={part}")
        home.wait_for_selector(f"dialog nav button[aria-pressed=true]:has-text('{part}')")
        check(f"review {part}")
    home.keyboard.press("Escape")
    for path, head in (
        ("projects", "Projects"),
        (f"projects/{project_id}", "Hummingbird"),
        ("administration", "People"),
    ):
        home.goto(f"{server_process.url}/{path}")
        home.wait_for_selector(f"main :is(h1, h2):has-text('{head}')")
        check(path)


def test_pages_without_a_sign_in_have_no_violation(view, reviews, movie, server_process):
    review_id = reviews.open("Closed to strangers")
    reviews.add(review_id, movie)
    reviews.change(review_id, passphrase="open sesame")
    for address, text in (
        (f"{server_process.url}/", "Sign in"),
        (reviews.link(review_id), "passphrase"),
        (f"{server_process.url}/review/{review_id}/{'x' * 32}", ""),
        (f"{server_process.url}/notifications/unknown", ""),
    ):
        view.page.goto(address)
        expect(view.page.locator("main")).to_contain_text(text)
        check_layout(view.page)
    view.leave()


def test_movie_is_uploaded_as_a_version_and_its_review_is_exported(home, reviews, movie):
    review_id = reviews.open("Uploads")
    home.reload()
    home.locator(".card", has_text="Uploads").first.get_by_role("button").click()
    home.click("dialog nav >> text=Versions")
    home.set_input_files("#field-files", str(movie.path))
    home.fill("#field-comment", "First pass")
    home.click("dialog button:has-text('Upload')")
    home.wait_for_selector("text=1 version is uploaded.")
    check_layout(home)
    expect(home.locator("dialog ol.rows li")).to_contain_text([movie.path.stem])
    reviews.session.reset()
    (item,) = reviews.session.query(f'ReviewSessionObject where review_session_id is "{review_id}"')
    version = item["asset_version"]
    assert (version["comment"], version["user"]["username"]) == ("First pass", "admin")
    assert version["components"][0]["size"] == movie.path.stat().st_size
    home.click("dialog nav >> text=Export")
    check_layout(home)
    with home.expect_download() as download:
        home.click("text=Download PDF")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")


def test_media_without_a_task_is_uploaded_into_a_review(home, reviews, movie):
    review_id = reviews.open("References")
    home.reload()
    home.click("button[aria-label='Manage References']")
    home.click("dialog nav >> text=Versions")
    home.set_input_files("#field-files", str(movie.path))
    home.select_option(f"select[aria-label='Task of {movie.path.name}']", label="No task")
    check_layout(home)
    home.click("dialog button:has-text('Upload')")
    home.wait_for_selector("text=1 version is uploaded.")
    reviews.session.reset()
    (item,) = reviews.session.query(f'ReviewSessionObject where review_session_id is "{review_id}"')
    assert item["asset_version"]["task_id"] is None
    assert item["asset_version"]["asset"]["context_id"] == item["review_session"]["project_id"]


def test_review_page_has_no_violation_and_large_controls_on_touch(home, reviews, movie, make_movie, new_context):
    review_id = reviews.open("Dailies")
    one = reviews.add(review_id, make_movie("24", 1001, 24, (1280, 720)))
    two = reviews.add(review_id, movie, after=one)
    for number in range(8):
        reviews.add(review_id, None, name=f"sh{number + 2:02}0")
    home.goto(f"{reviews.link(review_id)}?version={two.id}", wait_until="commit")
    home.wait_for_selector(".version-move")
    home.wait_for_function("() => document.querySelector('#frame-number').value === '1001'")
    check_layout(home)
    home.keyboard.press("i")
    home.keyboard.press("c")
    home.click("#more")
    home.wait_for_selector("#compare-mode")
    home.select_option("#compare-mode", "wipe")
    check_layout(home)
    home.select_option("#compare-mode", "toggle")
    home.wait_for_selector("#hold-other")
    home.keyboard.press("?")
    assert violations(home) == []
    home.keyboard.press("Escape")
    phone = new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    # The page writes its address a while after the last change.
    home.wait_for_function("() => location.search.includes('mode=toggle')")
    phone.goto(home.evaluate("location.href"), wait_until="commit")
    phone.tap("#more")
    phone.wait_for_selector("#compare-mode")
    controls = "#menu :is(button, select), #transport :is(button, select), #track"
    sizes = phone.eval_on_selector_all(
        controls,
        "all => all.filter((each) => each.offsetParent).map((each) =>"
        " { const { width, height } = each.getBoundingClientRect();"
        " return [each.id || each.ariaLabel, width, height]; })",
    )
    assert len(sizes) > 15
    assert [each for each in sizes if each[1] < 43.5 or each[2] < 43.5] == []
