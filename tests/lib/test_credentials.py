"""A credential goes to its own origin only, and nobody reads it off a message."""

import pytest

from releasetrain.lib.credentials import Credential, read_credential, read_credentials, why_not_credential

PROM = read_credential("https://Prometheus.example.org bearer s3cret")


def test_a_credential_names_its_origin_scheme_and_secret() -> None:
    assert PROM.authorization == "Bearer s3cret"
    assert read_credential("http://p:9090 basic me:pass word").authorization == "Basic bWU6cGFzcyB3b3Jk"
    assert "s3cret" not in repr(PROM)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        "https://p s3cret",
        "https://p token s3cret",
        "ftp://p bearer s3cret",
        "https://p basic s3cret",
    ],
)
def test_what_is_no_credential_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="write") as refusal:
        read_credential(text)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://prometheus.example.org/api", True),
        ("https://prometheus.example.org:443", True),
        ("http://prometheus.example.org", False),
        ("https://prometheus.example.org:8443", False),
        ("https://prometheus.example.org.evil.test", False),
        ("https://evil.test/?https://prometheus.example.org", False),
        ("nonsense", False),
    ],
)
def test_it_is_sent_to_its_own_origin_only(url: str, *, is_fine: bool) -> None:
    assert (why_not_credential("PROM", url, {"PROM": PROM}) is None) is is_fine


def test_one_that_this_server_does_not_have_is_said() -> None:
    assert "RELEASETRAIN_CREDENTIAL_PROM" in (why_not_credential("PROM", "https://p", {}) or "")


def test_the_environment_is_read_by_its_prefix() -> None:
    name = "RELEASETRAIN_CREDENTIAL_PROM"
    found = read_credentials({name: "https://p bearer x", "OTHER": "y"}, lambda name, why: KeyError(name))
    assert found == {"PROM": Credential("https://p:443", "bearer", "x")}
    with pytest.raises(KeyError, match=name):
        read_credentials({name: "x"}, lambda name, why: KeyError(name))
