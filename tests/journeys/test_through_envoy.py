"""A train through a real Envoy: shadow stage, shift, a killed version, and no request lost."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from releasetrain.embedded import throwaway_folder
from tests.journeys.conftest import NewPage
from tests.journeys.steps import LONG, follow_until, run_again, track_of
from tests.running import RUNS, Up, free_port

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def house() -> Iterator[Up]:
    """Run a house of its own, whose shop stands behind Envoy as two processes."""
    with throwaway_folder() as folder:
        up = Up(folder / "data", free_port(6), "--proxy", "envoy", RELEASETRAIN_DEMO_RATE="60")
        try:
            up.wait_for(RUNS, LONG / 1000)
            yield up
        finally:
            up.end()


def test_a_version_that_dies_comes_back_by_itself_and_no_user_notices(
    house: Up, look_around: NewPage
) -> None:
    page = look_around("Release manager")
    path = run_again(house, page)
    expect(page.locator("main")).to_contain_text("Rolling", timeout=LONG)
    page.goto(f"{house.address}{path}live/")
    expect(page.locator("main")).to_contain_text("shadow 50 %", ignore_case=True)
    # Nobody is in yet, and the new version answers already: copies of what others ask.
    expect(track_of(page)).to_have_attribute("data-weight", "1", timeout=LONG)
    assert httpx.get(f"http://127.0.0.1:{house.port + 4}/versions").json()["new"]["answers"] > 100

    follow_until(page, house, path, 5)
    page.get_by_role("button", name="Kill the new version").click()
    expect(page.locator("#demo-users")).to_contain_text("the new version is dead")
    expect(track_of(page)).to_have_attribute("data-state", "rolled_back", timeout=LONG)

    users = page.locator("#demo-users")
    expect(users).to_contain_text(re.compile(r"\b0 of [1-9][\d,]+ requests failed"))
    expect(users).to_contain_text("through Envoy")
