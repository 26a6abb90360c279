"""A configuration of nginx is looked through for what would hurt users."""

from releasetrain.rollouts.drivers.base import Finding
from releasetrain.rollouts.drivers.nginx.layout import findings
from releasetrain.rollouts.drivers.nginx.sample import SAMPLE

OLD, NEW = "10.0.0.11:8080", "10.0.0.21:8080"
BACKUP = f"    server {OLD} backup;\n"


def found(text: str) -> list[Finding]:
    return list(findings(text, [OLD], [NEW]))


def test_the_sample_is_clean() -> None:
    assert found(SAMPLE.read_text()) == []


def test_without_a_fall_over_it_warns() -> None:
    text = SAMPLE.read_text()
    assert BACKUP in text
    (only,) = found(text.replace(BACKUP, f"    # server {OLD} backup;\n"))
    assert "shop_candidate has no baseline server as “backup”" in only.text
    assert not only.is_blocking


def test_weights_over_both_arms_block() -> None:
    (only,) = found(SAMPLE.read_text().replace(BACKUP, f"    server {OLD} weight=9;\n"))
    assert "users flip between versions" in only.text
    assert only.is_blocking


def test_a_candidate_that_nginx_does_not_know_is_told() -> None:
    assert "names a candidate" in found("upstream shop { server 10.0.0.11:8080; }")[0].text


def test_a_mirror_without_a_limit_is_warned_of() -> None:
    text = SAMPLE.read_text().replace("location / {", "location / {\n        mirror /shadow;")
    assert "50 ms" in found(text)[0].text
    assert found(text + "location /shadow { proxy_read_timeout 50ms; }") == []
