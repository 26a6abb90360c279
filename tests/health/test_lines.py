import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.health.rules.lines import SAMPLE_LENGTH, fingerprint, masked


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("GET / Authorization: Bearer abc.def-123", "abc.def"),
        ("headers={'Authorization': 'Basic dXNlcjpwYXNz', 'Accept': '*/*'}", "dXNlcjpwYXNz"),
        ('{"authorization":"abc123secret"}', "abc123secret"),
        ("proxy-authorization: Digest username=x", "username=x"),
        ("got bearer s3cr3t-token-value", "s3cr3t"),
        ("connect failed password=hunter2 host=db", "hunter2"),
        ('{"user_password": "correct horse battery", "user": "ada"}', "horse"),
        ("PASSWORD => 'topsecret'", "topsecret"),
        ("login?token=abcdef&next=/", "abcdef"),
        ("api_key: 8f3e2d and more", "8f3e2d"),
        ("X-Api-Key=8f3e2d", "8f3e2d"),
        ("client_secret='s p a c e'", "s p a c e"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
        ("Cookie: releasetrain_session=xyz; csrftoken=abc", "xyz"),
        ("csrfmiddlewaretoken=abc123", "abc123"),
        ("pin=1234", "1234"),
        ("postgres://admin:pa55@db/x refused", "pa55"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9", "eyJ"),
        ("pushed with ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abc"),
        ("AKIAIOSFODNN7EXAMPLE denied", "AKIAIOSFODNN7"),
        ("our own rt_Zm9vYmFyYmF6cXV4", "rt_Zm9v"),
        ("no account for ada.lovelace+x@example.co.uk", "ada.lovelace"),
        ("card 4111 1111 1111 1111 declined", "4111"),
        ("card 5500-0000-0000-0004 declined", "0004"),
        ("AccountKey=Zm9vYmFyYmF6cXV4Cg==;EndpointSuffix=core", "Zm9vYmFy"),
        ("GET /blob?se=2026&sig=a1B2c3%2Bd4 403", "a1B2c3"),
        ("key AIzaSyD-abcdefghijklmnopqrstuvwxyz01234 refused", "AIzaSy"),
        ("posting to https://hooks.slack.com/services/T0/B0/xyzzy failed", "xyzzy"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow cut off", "MIIEow"),
    ],
)
def test_a_secret_is_masked_before_it_is_kept(line: str, secret: str) -> None:
    assert secret in line
    assert secret not in masked(line)
    assert "***" in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "KeyError: 'basket' in checkout.py line 42",
        "timeout after 3000 ms talking to payments at 10.0.0.7:8080",
        "order 1234567890123 not found",  # thirteen digits, but no card number
        "shipping: 3 items, spinner: on",
        "monkey: 1",
    ],
)
def test_an_ordinary_line_is_kept_as_it_is(line: str) -> None:
    assert masked(line) == line


def test_of_a_long_trace_the_beginning_and_the_end_are_kept() -> None:
    trace = "Traceback (most recent call last):\n" + "  File 'x.py', line 1\n" * 500 + "KeyError: 'tax'"
    kept = masked(trace)
    assert len(kept) == SAMPLE_LENGTH
    assert kept.startswith("Traceback (most recent") and kept.endswith("KeyError: 'tax'")


def test_a_sample_is_cut_after_masking_and_holds_no_nul() -> None:
    line = "x" * (SAMPLE_LENGTH - 10) + " password=" + "s" * 100
    assert "sss" not in masked(line)
    assert len(masked("y" * 4000)) == SAMPLE_LENGTH
    assert masked("a\x00b") == "a�b"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order 17 failed", "order 90210 failed"),
        ("KeyError: 'ada'", "KeyError: 'grace'"),
        ("request 6f9619ff-8b86-d011-b42d-00cf4fc964ff", "request 00000000-0000-4000-8000-000000000001"),
        ("commit deadbeef01 broke", "commit 0123456789abcdef broke"),
        ("at 0x7f00dead", "at 0x1"),
        ("took  3 ms\n  at x", "took 12 ms at x"),
        ("Timeout", "timeout"),
        ("Nov 27 12:00:01 web-1 app[17]: refused", "Dec  3 09:10:11 web-2 app[9]: refused"),
        ("[Fri Nov 27 2026] refused", "[Mon Dec 7 2026] refused"),
    ],
)
def test_lines_that_differ_in_values_only_are_of_one_kind(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("payments timed out", "basket timed out"),
        ("KeyError: 'x'", "ValueError: 'x'"),
        ("decade", "facade"),  # words made of hexadecimal letters are words
    ],
)
def test_lines_that_say_different_things_are_not(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@given(st.text(max_size=300))
def test_masking_again_changes_nothing_that_matters(line: str) -> None:
    once = masked(line)
    assert len(once) <= SAMPLE_LENGTH
    assert len(fingerprint(once)) == 64
