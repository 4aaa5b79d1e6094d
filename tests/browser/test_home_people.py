"""Test the home as the people of a studio use it: invitations, links, versions, dates, a reviewer, and backups."""

import re
import uuid
from datetime import datetime

import attrs
import pytest
from browser.conftest import sign_in
from browser.test_home import check_layout, copied_link, home
from playwright.sync_api import expect

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.database.scheduled_backup import BackupSchedule
from ft_dcc.server.mail.mailer import queued_messages

__all__ = ["home"]


@pytest.fixture
def open_link(other_context):
    """Return a function that opens an address on a page of the other browser context, after its cookies are cleared."""

    def open_page(address):
        other_context.clear_cookies()
        page = other_context.new_page()
        page.goto(address, wait_until="commit")
        return page

    return open_page


def wait_for_frame(page):
    page.wait_for_function("() => document.querySelector('#frame-number')?.value === '1001'")


@pytest.fixture
def dialog(home, reviews):
    def manage(name, part="Session", **versions):
        review_id = reviews.open(name)
        for movie in versions.values():
            reviews.add(review_id, movie)
        home.reload()
        home.click(f"button[aria-label='Manage {name}']")
        if part != "Session":
            home.click(f"dialog nav >> text={part}")
        return str(review_id)

    return manage


def test_person_is_invited_with_rights_opens_the_link_and_is_revoked(
    home, user_view, dialog, movie, open_link, server_process
):
    dialog("Invitations", "People", movie=movie)
    before = set(queued_messages(server_process.data / "outbox"))
    home.fill("#field-name", "Ida Berg")
    home.fill("#field-email", "ida@example.com")
    home.uncheck("dialog fieldset input[name='draw']")
    home.click("dialog button:has-text('Invite')")
    expect(home.locator("dialog tbody tr")).to_have_count(1)
    # Without a mail server, the invitation waits in the outbox.
    home.wait_for_selector("dialog >> text=The invitation is in the outbox")
    expect(home.locator("#field-email")).to_have_value("")
    check_layout(home)
    (letter,) = set(queued_messages(server_process.data / "outbox")) - before
    (link,) = re.findall(r"http://\S+", letter.text)
    home.fill("#field-name", "Ida")
    home.fill("#field-email", "IDA@Example.com")
    home.click("dialog button:has-text('Invite')")
    home.wait_for_selector("dialog >> text=ida@example.com is invited already, as Ida Berg")
    expect(home.locator("dialog tbody tr")).to_have_count(1)
    user_view.errors.clear()
    guest = open_link(link)
    guest.wait_for_selector("#note-text")
    expect(guest.locator("#send-note")).to_have_count(1)
    expect(guest.locator("button[aria-label*='Draw']")).to_have_count(0)
    row = home.locator("dialog tbody tr")
    row.get_by_label("draw").check()
    home.wait_for_selector("dialog >> text=Saved.")
    guest.reload()
    guest.wait_for_selector("#note-text")
    assert guest.locator("button[aria-label*='Draw'], #draw").count() >= 1
    row.get_by_role("button", name="Revoke").click()
    home.wait_for_selector("dialog >> text=The links of Ida Berg are not valid any more.")
    # The open page loads itself again, and the server refuses it. Only then does a visit not cross that navigation.
    expect(guest.locator("#note-text")).to_have_count(0)
    guest.wait_for_selector("h1")
    guest.wait_for_load_state()
    assert guest.goto(link).status in (403, 404)
    assert guest.inner_text("h1") != ""


def test_public_link_and_passphrase_are_switched_from_the_page(home, dialog, movie, open_link):
    dialog("Public", movie=movie)
    link = copied_link(home)
    guest = open_link(link)
    wait_for_frame(guest)
    home.fill("#field-passphrase", "lantern")
    home.click("dialog button:has-text('Set the passphrase')")
    home.wait_for_selector("dialog >> text=The passphrase is set.")
    guest = open_link(link)
    guest.fill("input[type=password]", "wrong")
    guest.click("button")
    expect(guest.locator("main p")).to_contain_text("The passphrase is wrong")
    guest.fill("input[type=password]", "lantern")
    guest.click("button")
    wait_for_frame(guest)
    home.click("dialog button:has-text('Remove the passphrase')")
    home.wait_for_selector("dialog >> text=The passphrase is removed.")
    wait_for_frame(open_link(link))
    home.uncheck("dialog input[name='is_shared']")
    home.click("dialog button:has-text('Save')")
    home.wait_for_selector("dialog >> text=The public link is off.")
    guest = open_link(link)
    expect(guest.locator("#frame-number")).to_have_count(0)
    home.check("dialog input[name='is_shared']")
    home.click("dialog button:has-text('Save')")
    expect(home.locator("#copied-text")).to_have_value(link)
    wait_for_frame(open_link(link))


def test_review_is_scheduled_renamed_opened_and_closed(home, dialog, movie, open_link):
    dialog("Christmas dailies", movie=movie)
    link = copied_link(home)
    home.fill("#field-start", "2040-01-02T09:00")
    home.fill("#field-end", "2040-01-01T09:00")
    home.click("dialog button:has-text('Save')")
    home.wait_for_selector("dialog .notice.failed >> text=The review would close before it opens.")
    home.fill("#field-end", "2040-02-01T18:00")
    home.fill("#field-name", "Christmas dailies, final")
    home.click("dialog button:has-text('Save')")
    home.wait_for_selector("dialog h2:has-text('Christmas dailies, final')")
    expect(open_link(link).locator("body")).to_contain_text("opens")
    card = home.locator(".card", has_text="Christmas dailies")
    expect(card).to_contain_text("opens")
    home.fill("#field-start", "2020-01-02T09:00")
    home.click("dialog button:has-text('Save')")
    expect(card).to_contain_text("since")
    home.click("dialog button:has-text('Close the review')")
    # The dialog ends with its card, which is not in the list of open reviews any more; the message stays on the page.
    home.wait_for_selector("text=The review is closed.")
    expect(card).to_have_count(0)


def test_review_without_an_opening_date_is_open_in_every_time_zone(
    new_context, reviews, movie, server_process, signed_in_cookies, open_link
):
    review_id = reviews.open("Far west")
    reviews.add(review_id, movie)
    context = new_context(timezone_id="America/Los_Angeles")
    context.add_cookies(signed_in_cookies)
    page = context.new_page()
    page.goto(f"{server_process.credentials.server_url}/")
    page.click("button[aria-label='Manage Far west']")
    page.fill("#field-start", "")
    page.click("dialog button:has-text('Save')")
    page.wait_for_selector("dialog >> text=Saved.")
    guest = open_link(reviews.link(review_id))
    wait_for_frame(guest)


def test_existing_versions_are_found_added_and_removed(home, dialog, reviews, movie):
    version = reviews.add(reviews.open("Source of versions"), movie)
    asset = reviews.session.get("Asset", version.asset_id)["name"]
    review_id = dialog("Collected", "Versions")
    home.wait_for_selector("text=The review has no versions yet.")
    home.fill("dialog input[type=search]", asset)
    home.locator("dialog ul.rows li", has_text=asset).get_by_role("button", name="Add").click()
    expect(home.locator("dialog ol.rows li")).to_have_count(1)
    check_layout(home)
    reviews.session.reset()
    (item,) = reviews.session.query(f'ReviewSessionObject where review_session_id is "{review_id}"')
    assert (item["version_id"], bool(item["name"])) == (version.version_id, True)
    home.click("dialog ol.rows >> text=Remove")
    expect(home.locator("dialog ol.rows li")).to_have_count(0)
    home.fill("dialog input[type=search]", "no such asset")
    home.wait_for_selector("dialog >> text=No version of the project matches.")


def test_numbered_images_are_uploaded_as_one_version_with_their_frame_numbers(home, dialog, reviews, movie):
    review_id = dialog("Images", "Versions")
    frames = sorted(movie.path.parent.glob("numbered.*.png"))[:6]
    home.set_input_files("#field-files", [str(path) for path in (*frames[:3], *frames[4:])])
    home.click("dialog button:has-text('Upload')")
    home.wait_for_selector(f"dialog >> text=The frame before {frames[4].name} is missing.")
    home.set_input_files("#field-files", [str(path) for path in reversed(frames)])
    home.click("dialog button:has-text('Upload')")
    home.wait_for_selector("dialog >> text=1 version is uploaded.")
    reviews.session.reset()
    (item,) = reviews.session.query(f'ReviewSessionObject where review_session_id is "{review_id}"')
    assert item["name"] == "numbered"
    home.goto(reviews.link(review_id), wait_until="commit")
    wait_for_frame(home)
    assert "1 / 6" in home.inner_text("#transport")


def test_reviewer_reads_the_home_and_cannot_change_it(view, reviews, movie, server_process):
    review_id = reviews.open("For reviewers")
    version = reviews.add(review_id, movie)
    name = f"rev{uuid.uuid4().hex[:6]}"
    with open_admin(server_process.data) as owner:
        owner.run("user", name=name, role="Reviewer", projects=[])
        key = owner.run("key", user=name)["FTRACK_API_KEY"]
    page = view.page
    sign_in(page, attrs.evolve(server_process.credentials, api_user=name, api_key=key))
    card = page.locator(".card", has_text="For reviewers").first
    expect(card).to_be_visible()
    for text in ("New review", "Manage"):
        expect(page.locator(f"button:has-text('{text}')")).to_have_count(0)
    expect(page.locator("nav >> text=Administration")).to_have_count(0)
    check_layout(page)
    card.locator("a").click()
    page.wait_for_url(re.compile(f"/review/{review_id}/studio"), wait_until="commit")
    wait_for_frame(page)
    page.click("#open-note")
    page.fill("#note-text", "Too dark.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".note >> text=Too dark.")
    (note,) = reviews.notes(version)
    assert note["author"]["username"] == name
    page.goto(f"{server_process.credentials.server_url}/projects")
    page.wait_for_selector("h1:has-text('Projects')")
    expect(page.locator("button:has-text('New project')")).to_have_count(0)
    page.locator("main a", has_text="Hummingbird").first.click()
    page.wait_for_selector("h1:has-text('Hummingbird')")
    for text in ("Import", "Upload", "New shot or task"):
        expect(page.locator(f"button:has-text('{text}')")).to_have_count(0)
    expect(page.locator("main table input, main table select")).to_have_count(0)
    check_layout(page)
    page.goto(f"{server_process.credentials.server_url}/administration")
    page.wait_for_selector("text=Only an administrator of the studio can open this page. Ask one.")
    view.leave()


def test_invitation_in_the_outbox_is_read_and_removed(home, reviews, movie, open_link):
    review_id = reviews.open("Without a mail server")
    reviews.add(review_id, movie)
    link = reviews.invite(review_id, "Kim Outbox")
    home.click("nav >> text=Administration")
    row = home.locator("li", has_text="Without a mail server")
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text(link)
    check_layout(home)
    row.get_by_role("button", name="Remove the mail to").click()
    home.wait_for_selector("text=is removed.")
    expect(row).to_have_count(0)
    guest = open_link(link)  # The link stays valid.
    wait_for_frame(guest)


def test_backup_is_checked_on_the_administration_page(home, server_process):
    made = BackupSchedule().back_up(server_process.data, datetime(2026, 3, 4, 3))
    home.click("nav >> text=Administration")
    expect(home.locator("code")).to_have_text(str(server_process.data / "backups"))
    row = home.locator("li", has_text=made.name)
    expect(row).to_contain_text("was read and checked when it was made")
    row.get_by_role("button", name=re.compile("Check")).click()
    home.wait_for_selector(f"text={made.name} was checked.")
    expect(row).to_contain_text("could be restored on")
    made.write_bytes(made.read_bytes().replace(b"SQLite format 3", b"SQLite format 4"))
    row.get_by_role("button", name=re.compile("Check")).click()
    expect(row.locator(".problem")).to_contain_text(made.name)
    made.unlink()


def test_words_of_the_studio_are_added_assigned_and_deleted_if_nothing_uses_them(home, user_view, session):
    home.click("nav >> text=Administration")
    for word in ("status", "task type", "workflow", "role"):
        home.click(f"button:has-text('New {word}')")
        home.fill("#field-name", f"Our {word}")
        if word == "workflow":
            home.check("dialog label:has-text('Our status') input")
        home.click("dialog button:has-text('Save')")
        expect(home.locator(f"button[aria-label='Edit Our {word}']")).to_be_visible()
    check_layout(home)
    home.locator("[aria-labelledby=schemas] button").first.click()
    home.select_option("dialog select[name=task_workflow_schema_id]", label="Our workflow")
    home.select_option("label:has-text('Statuses of Our task type') + select", label="Our workflow")
    home.click("dialog button:has-text('Save')")
    expect(home.locator("dialog")).to_have_count(0)
    (override,) = session.query("select workflow_schema.statuses.name from ProjectSchemaOverride").all()
    assert [each["name"] for each in override["workflow_schema"]["statuses"]] == ["Our status"]
    home.click("button[aria-label='Edit Our workflow']")
    home.click("dialog button:has-text('Delete')")
    expect(home.locator("dialog [role=status]")).to_contain_text("The WorkflowSchema is in use by 1 ProjectSchema")
    user_view.errors.clear()
    home.click("dialog button:has-text('Close')")
    home.click("button[aria-label='Edit Our role']")
    home.click("dialog button:has-text('Delete')")
    expect(home.locator("button[aria-label='Edit Our role']")).to_have_count(0)
