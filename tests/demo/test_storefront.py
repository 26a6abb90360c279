"""The shop is a real service: it asks its flag, behaves differently, breaks where told, and reports."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db.models import Sum

from releasetrain.accounts.actions import issue_token, revoke_token
from releasetrain.accounts.models import ApiToken
from releasetrain.demo import kept
from releasetrain.demo.reporting import Reporter
from releasetrain.demo.shop import Version
from releasetrain.demo.tally import Tally, utc_now
from releasetrain.demo.wire import Answer, NoAnswerError
from releasetrain.flags.actions import set_percentage
from releasetrain.flags.models import FlagEnvironment
from releasetrain.flags.queries import state_of
from releasetrain.flags.rules import is_in
from releasetrain.health.models import Arm, ErrorLine, Reading
from releasetrain.lib import clock
from tests import make
from tests.demo.conftest import Server, Shop, open_shop, serve_house
from tests.running import ROOT, free_port, until

USERS = [f"shopper-{number:04d}" for number in range(60)]


def move(flag: FlagEnvironment, percent: int) -> FlagEnvironment:
    set_percentage(flag, percent * 1000, fence=1, key="test", reason="", actor=None, now=clock.now())
    flag.refresh_from_db()
    return flag


def move_and_wait(flag: FlagEnvironment, percent: int, shop: Shop) -> tuple[list[str], list[str]]:
    """Move the flag, wait until the shop has heard, and return who gets the new version and who does not."""
    state = state_of(move(flag, percent), 1)
    inside = [user for user in USERS if is_in(state, user)]
    outside = [user for user in USERS if not is_in(state, user)]
    if inside:
        until(lambda: shop.version_for(inside[-1]) == "new", "the shop has not heard of its flag")
    return inside, outside


def counted(arm: Arm, metric: str) -> tuple[int, int]:
    sums = Reading.objects.filter(arm=arm, metric=metric).aggregate(units=Sum("units"), bad=Sum("bad"))
    return sums["units"] or 0, sums["bad"] or 0


def test_importing_the_shop_loads_nothing_of_the_house() -> None:
    code = (
        "import sys, releasetrain.demo.storefront, releasetrain.demo.shoppers\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'celery', 'psycopg')\n"
        " or (name.startswith('releasetrain.') and not name.startswith('releasetrain.demo'))])"
    )

    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


def test_each_shopper_gets_what_the_flag_says_and_gets_it_again(flag: FlagEnvironment, shop: Shop) -> None:
    inside, outside = move_and_wait(flag, 30, shop)

    first = {user: shop.version_for(user) for user in USERS}

    assert first == {**dict.fromkeys(inside, "new"), **dict.fromkeys(outside, "old")}
    assert {user: shop.version_for(user) for user in USERS} == first


def test_the_new_checkout_really_shows_something_else_at_the_same_price(
    flag: FlagEnvironment, shop: Shop
) -> None:
    user = "shopper-0042"
    old = json.loads(shop.check_out(user).body)
    move(flag, 100)
    until(lambda: shop.version_for(user) == "new", "the shop has not heard of its flag")

    new = json.loads(shop.check_out(user).body)

    assert (old["version"], new["version"]) == ("old", "new")
    assert old["taxes"] == []
    assert new["taxes"] != []
    assert new["total"] == old["total"]


def test_broken_it_fails_for_canary_users_and_for_nobody_else(flag: FlagEnvironment, shop: Shop) -> None:
    inside, outside = move_and_wait(flag, 30, shop)

    assert shop.ask("POST", "/break?mode=error").status == 200

    assert {shop.check_out(user).status for user in inside} == {500}
    assert {shop.check_out(user).status for user in outside} == {200}
    assert shop.facts()["new"]["failures"] == len(inside)
    assert shop.facts()["old"]["failures"] == 0

    shop.ask("POST", "/mend")

    assert {shop.check_out(user).status for user in inside} == {200}


def test_slow_it_is_slow_for_canary_users_only(flag: FlagEnvironment, shop: Shop) -> None:
    inside, _ = move_and_wait(flag, 30, shop)
    before = shop.facts()["new"]["slow"]

    shop.ask("POST", "/break?mode=slow")
    answer = shop.check_out(inside[0])

    assert answer.status == 200
    assert shop.facts()["new"]["slow"] == before + 1


def test_the_house_hears_every_answer_once_and_the_error_lines(flag: FlagEnvironment, shop: Shop) -> None:
    inside, outside = move_and_wait(flag, 50, shop)
    shop.ask("POST", "/break?mode=error")
    for user in [*inside, *outside]:
        shop.check_out(user)
    facts = shop.facts()

    until(
        lambda: (
            counted(Arm.CANDIDATE, "errors")[0] + counted(Arm.BASELINE, "errors")[0]
            >= facts["new"]["answers"] + facts["old"]["answers"]
        ),
        "the house has not heard of every answer",
    )

    assert counted(Arm.CANDIDATE, "errors") == (facts["new"]["answers"], len(inside))
    assert counted(Arm.BASELINE, "errors") == (facts["old"]["answers"], 0)
    assert counted(Arm.BASELINE, "orders") == (
        facts["old"]["answers"],
        facts["old"]["answers"] - facts["old"]["orders"],
    )
    line = ErrorLine.objects.get()
    assert (line.arm, line.count) == (Arm.CANDIDATE, len(inside))
    assert "TaxRateMissingError" in line.sample


def test_spans_without_a_shopper_are_reported_as_zeros(shop: Shop) -> None:
    until(lambda: Reading.objects.filter(units=0, arm=Arm.CANDIDATE).count() >= 2, "no spans were reported")

    assert set(Reading.objects.values_list("metric", flat=True)) == {"errors", "latency", "orders"}


def test_without_a_house_everybody_gets_the_old_version_and_reports_wait(
    flag: FlagEnvironment, tmp_path: Path
) -> None:
    move(flag, 100)
    port = free_port()
    shop = open_shop(f"http://127.0.0.1:{port}", tmp_path)
    try:
        assert {shop.version_for(user) for user in USERS[:5]} == {"old"}
        until(lambda: shop.facts()["reports"]["waiting"] >= 2, "no report waits")

        house = serve_house(port, tmp_path / "house")
        try:
            until(lambda: counted(Arm.BASELINE, "errors")[0] >= 5, "the reports were lost")
            until(lambda: shop.version_for(USERS[0]) == "new", "the shop does not ask its flag again")
            assert counted(Arm.BASELINE, "errors")[0] == shop.facts()["old"]["answers"]
            assert shop.facts()["reports"]["lost"] == 0
        finally:
            house.end()
    finally:
        shop.end()


def test_a_report_whose_answer_was_lost_counts_once(
    flag: FlagEnvironment, house: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = Tally(utc_now())
    token = (tmp_path / "demo_tokens" / "metrics").read_text()
    reporter = Reporter(tally, house.address, lambda: token, service="storefront", environment="production")
    for _ in range(7):
        tally.note(Version.OLD, "shopper-1", seconds=0.01, has_failed=False, is_order=True, at=utc_now())
    tally.note_line(Version.OLD, "ERROR nothing in stock")
    reporter.take()
    heard = reporter._post

    def lose_the_answer(report: object) -> Answer:
        heard(report)  # type: ignore[arg-type] # handed through
        raise NoAnswerError("the answer was lost")

    monkeypatch.setattr(reporter, "_post", lose_the_answer)
    assert reporter.send_oldest() is False
    monkeypatch.setattr(reporter, "_post", heard)
    assert reporter.to_json()["waiting"] == 1

    assert reporter.send_oldest() is True
    reporter.close()

    assert counted(Arm.BASELINE, "errors") == (7, 0)
    assert ErrorLine.objects.get().count == 1
    assert reporter.to_json()["waiting"] == 0


def test_a_renewed_token_is_taken_up_without_a_restart(
    flag: FlagEnvironment, shop: Shop, tmp_path: Path
) -> None:
    move(flag, 100)
    until(lambda: shop.version_for("shopper-1") == "new", "the shop has not heard of its flag")
    revoke_token(ApiToken.objects.get(name="ofrep"), by=None, now=make.NOW)
    until(lambda: shop.version_for("shopper-1") == "old", "a revoked token still works")

    kept.keep(
        tmp_path, "ofrep", issue_token(name="new", scopes=["ofrep:production"], by=None, now=make.NOW)[1]
    )

    until(lambda: shop.version_for("shopper-1") == "new", "the new token was not taken up")


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/checkout", 400, "Say who is shopping"),
        ("GET", f"/checkout?user={'x' * 101}", 400, "at most 100"),
        ("GET", "/checkout?user=%00", 400, "printable"),
        ("GET", "/checkout?" + "&".join(f"a{n}=1" for n in range(30)), 400, "more than twenty"),
        ("GET", "/break", 405, "POST only"),
        ("POST", "/checkout?user=1", 405, "GET only"),
        ("POST", "/break?mode=fire", 400, "“error” or “slow”"),
        ("GET", "/nowhere", 404, "nothing at this address"),
    ],
)
def test_bad_input_gets_a_sentence(lone_shop: Shop, method: str, path: str, status: int, words: str) -> None:
    answer = lone_shop.ask(method, path)

    assert answer.status == status
    assert words in json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Host": "shop.example"}, {"Origin": "null"}]
)
@pytest.mark.parametrize("path", ["/break", "/mend"])
def test_no_other_page_can_break_or_mend_the_shop(
    lone_shop: Shop, path: str, headers: dict[str, str]
) -> None:
    answer = lone_shop.ask("POST", path, headers)

    assert answer.status == 403
    assert lone_shop.facts()["broken"] is None


def test_a_visitor_sees_a_page_and_stays_the_same_shopper(lone_shop: Shop) -> None:
    first = lone_shop.ask("GET", "/", {"Accept": "text/html"})
    cookie = first.headers["set-cookie"].split(";")[0]

    again = lone_shop.ask("GET", "/", {"Accept": "text/html", "Cookie": cookie})

    name = cookie.partition("=")[2]
    assert f"You are <strong>{name}</strong>" in again.body.decode()
    assert "old checkout" in again.body.decode()


def test_a_name_on_the_page_is_only_a_name(lone_shop: Shop) -> None:
    page = lone_shop.ask("GET", "/?user=%3Cscript%3Ealert(1)%3C/script%3E").body.decode()

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_told_to_stop_it_tells_the_rest_and_ends(
    flag: FlagEnvironment, house: Server, tmp_path: Path
) -> None:
    shop = open_shop(house.address, tmp_path)
    for user in USERS[:9]:
        shop.check_out(user)

    assert shop.end(signal.SIGTERM) in (0, -signal.SIGTERM)

    until(lambda: counted(Arm.BASELINE, "errors")[0] == 9, "the last report was lost")
