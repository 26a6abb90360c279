"""Which headers travel on."""

from multidict import CIMultiDict

from releasetrain.proxy.headers import end_to_end, onward


def test_hop_by_hop_headers_and_those_that_connection_names_stay_behind() -> None:
    headers = CIMultiDict(
        [
            ("Connection", "keep-alive, X-Private, Content-Length"),
            ("X-Private", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Content-Length", "3"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ]
    )
    kept = end_to_end(headers)
    assert list(kept.items()) == [("Content-Length", "3"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


def test_who_asked_for_what_is_added_and_a_forged_shadow_is_removed() -> None:
    asked = CIMultiDict(
        {"Host": "shop.example", "X-Forwarded-For": "10.0.0.1", "X-Release-Train-Shadow": "1"}
    )
    kept = onward(asked, client="192.0.2.7", scheme="http")
    assert kept["X-Forwarded-For"] == "10.0.0.1, 192.0.2.7"
    assert kept["X-Forwarded-Host"] == kept["Host"] == "shop.example"
    assert kept["X-Forwarded-Proto"] == "http"
    assert "X-Release-Train-Shadow" not in kept
