"""What is sent to a receiver, what its answers mean, and which reports are ignored: values alone."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook

from releasetrain.rollouts.drivers.base import Outcome
from releasetrain.rollouts.drivers.samples import samples_of
from releasetrain.rollouts.drivers.webhook.messages import (
    Ignored,
    Message,
    Report,
    ReportState,
    back_off,
    read_reply,
    retry_after,
    signed,
    weight_in,
    why_ignored,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DONE = Report(ReportState.DONE, 25, 7)


def test_a_message_is_signed_as_the_standard_says() -> None:
    now = datetime.now(UTC).astimezone(timezone(timedelta(hours=2)))
    body = Message("rt_1", "apply", "k", "Storefront", "Production", "v2", 25, 7, "https://x/c").body(now)
    told = Webhook(SECRET).verify(body, signed(SECRET, "rt_1", body, now))
    assert told["type"] == "traffic.apply"
    assert (told["data"]["weight"], told["data"]["fence"]) == (25, 7)
    assert told["data"]["callback_url"] == "https://x/c"


def test_the_signature_is_the_one_of_the_standards_own_example() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_é", "a"])
def test_a_secret_that_cannot_sign_is_said(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        signed(secret, "rt_1", "", NOW)


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "wait", "on_the_way_back"),
    [
        (200, {}, "accepted", None, None),
        (204, {}, "accepted", None, None),
        (410, {}, "refused", None, None),
        (404, {}, "refused", None, None),
        (503, {}, "unknown", 0.5, 0.1),
        (503, {"retry-after": "90"}, "unknown", 90, 2),
        (429, {"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT"}, "unknown", 60, 2),
        (503, {"retry-after": "999999999999"}, "unknown", 900, 2),
        (503, {"retry-after": "soon"}, "unknown", 0.5, 0.1),
    ],
)
def test_retry_after_is_honoured_for_promote_and_capped_for_rollback(
    status: int, headers: dict[str, str], outcome: str, wait: float | None, on_the_way_back: float | None
) -> None:
    forward = read_reply(status, headers, attempts=1, is_return=False, now=NOW)
    back = read_reply(status, headers, attempts=1, is_return=True, now=NOW)
    assert (forward.outcome, forward.wait_seconds) == (Outcome(outcome), wait)
    assert back.wait_seconds == on_the_way_back
    assert forward.is_gone == (status == 410)


def test_back_off_grows_to_a_limit_and_a_rollback_never_waits_long() -> None:
    assert [back_off(n, is_return=False) for n in (0, 1, 2, 6, 99)] == [0.5, 0.5, 1, 20, 20]
    assert [back_off(n, is_return=True) for n in (1, 5, 99)] == [0.1, 2, 2]
    assert retry_after("-5", NOW) is None


def test_reports_are_ignored_for_one_reason_each() -> None:
    def why(report: Report = DONE, known: Report | None = None, fence: int = 7, late: bool = False) -> object:
        told = known.to_json() if known else None
        return why_ignored(report, known=told, fence=fence, newest=7, is_expired=late)

    assert why() is None
    assert why(known=DONE) is Ignored.DUPLICATE
    assert why(known=Report(ReportState.FAILED)) is Ignored.REPLAYED
    assert why(fence=6) is Ignored.OLDER
    assert why(late=True) is Ignored.STALE


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"weight": 25, "fence": 7}', (25, 7)),
        (b'{"weight": 25}', (25, None)),
        (b'{"weight": 250, "fence": true}', (None, None)),
        (b"[25]", (None, None)),
        (b"\xff", (None, None)),
        (b"[" * 100_000, (None, None)),
    ],
)
def test_a_read_back_holds_a_weight_or_nothing(body: bytes, found: tuple[int | None, int | None]) -> None:
    assert weight_in(body) == found


def test_the_sample_message_and_report_are_what_is_sent_and_taken() -> None:
    told = {one.name: json.loads(one.text) for one in samples_of("webhook")}
    data = told["message.json"]["data"]
    own = Message("rt_1", **data).body(datetime.fromisoformat(told["message.json"]["timestamp"]))
    assert json.loads(own) == told["message.json"]
    said = told["report.json"]
    assert Report(**said | {"state": ReportState(said["state"])}).to_json() == said
