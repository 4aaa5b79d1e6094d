"""Test the sign-in of a program's user on the server's page."""

import threading
from contextlib import suppress

from playwright.sync_api import expect
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts.browser_login import start_browser_login
from ft_dcc.errors import Cancelled


def begin(server, program):
    """Return the address to open, a list that gets the account, the thread that waits, and what ends the waiting."""
    address, wait = start_browser_login(server.server_url, program)
    accounts, is_over = [], threading.Event()

    def work():
        with suppress(Cancelled):
            accounts.append(wait(is_over.is_set))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return address, accounts, thread, is_over


def test_second_sign_in_needs_one_click_only(context, studio_server):
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 700})
    address, accounts, thread, _ = begin(studio_server, "Blender")
    page.goto(address)
    expect(page.locator("h1")).to_have_text("Sign in")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.fill("#user", studio_server.api_user)
    page.fill("#key", studio_server.api_key)
    page.click("button")
    page.wait_for_selector("text=Go back to Blender")
    thread.join(TIMEOUT_SECONDS)
    assert accounts[0].user == studio_server.api_user
    assert accounts[0].key != studio_server.api_key

    address, accounts, thread, _ = begin(studio_server, "Maya")
    page.goto(address)
    expect(page.locator("h1")).to_have_text(f"Sign in as {studio_server.api_user}?")
    page.click("button")
    page.wait_for_selector("text=Go back to Maya")
    thread.join(TIMEOUT_SECONDS)
    assert accounts[0].user == studio_server.api_user


def test_wrong_key_keeps_the_user_name_and_the_program_waiting(context, studio_server):
    page = context.new_page()
    address, accounts, thread, is_over = begin(studio_server, "Blender")
    page.goto(address)
    page.fill("#user", "ada")
    page.fill("#key", "wrong")
    page.click("button")
    page.wait_for_selector("main p:has-text('does not know this user and API key')")
    expect(page.locator("#user")).to_have_value("ada")
    assert thread.is_alive()
    is_over.set()
    thread.join(TIMEOUT_SECONDS)
    assert accounts == [] and not thread.is_alive()
