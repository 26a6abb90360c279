"""A real house and a real Chromium for the journeys."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from releasetrain.embedded import throwaway_folder
from tests.journeys.steps import LONG
from tests.running import RUNS, Up, free_port

CHROMIUM = os.environ.get("RELEASETRAIN_CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NewPage = Callable[..., Page]


@pytest.fixture(scope="package")
def house() -> Iterator[Up]:
    """Run the whole demonstration, with brisk shoppers so that small stages see enough of them."""
    with throwaway_folder() as folder:
        up = Up(folder / "data", free_port(), RELEASETRAIN_DEMO_RATE="60")
        try:
            up.wait_for(RUNS, LONG / 1000)
            yield up
        finally:
            up.end()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Start one browser, and end it with its loop, which other tests could not share."""
    if CHROMIUM is None:
        pytest.skip("No Chromium on this machine: the journeys need a real browser.")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def sign_in_path(house: Up, email: str) -> str:
    """Return where a link leads that lets somebody in once."""
    answer = house.manage("sign_in_link", email)
    assert answer.returncode == 0, answer.stderr
    return urlsplit(answer.stdout.strip().splitlines()[-1]).path


@pytest.fixture
def look_around(house: Up, chromium: Browser) -> Iterator[NewPage]:
    """Return a function that opens a page of somebody in the demonstration; page errors fail the test.

    A part of the demonstration is looked around as; anybody else there comes in by a link to their address.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def as_person(role: str, **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
        )
        if "@" in role:
            page.goto(house.address + sign_in_path(house, role))
            page.get_by_role("button", name="Sign in").click()
        else:
            page.goto(f"{house.address}/sign-in/")
            page.get_by_role("button", name=f"Look around as {role}").click()
        page.wait_for_url(f"{house.address}/")
        return page

    yield as_person
    for context in contexts:
        context.close()
    assert errors == []
