"""The demonstration's doors open only to a browser on the machine itself."""

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings

from releasetrain.demo.access import is_loopback, why_not_here


def request(host: str = "127.0.0.1:8000", address: str = "127.0.0.1", **headers: str) -> HttpRequest:
    return RequestFactory().get("/demo/", HTTP_HOST=host, REMOTE_ADDR=address, headers=headers)


@pytest.fixture(autouse=True)
def _demonstration(settings: Settings) -> None:
    settings.DEMO = True
    settings.IS_LOOPBACK = True
    settings.ALLOWED_HOSTS = ["*"]


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1:8000", "127.0.0.1"), ("localhost:9000", "::1"), ("[::1]:8000", "127.0.0.9")],
)
def test_the_machine_itself_may_come_in(host: str, address: str) -> None:
    assert why_not_here(request(host, address)) == ""


@pytest.mark.parametrize("address", ["192.168.1.7", "10.0.0.1", "8.8.8.8", "", "fe80::1"])
def test_another_machine_may_not_come_in(address: str) -> None:
    assert "only from a browser on the machine" in why_not_here(request(address=address))


@pytest.mark.parametrize("host", ["trains.example.org", "127.0.0.1.example.org", "192.168.1.7:8000"])
def test_another_name_for_this_machine_may_not_come_in(host: str) -> None:
    assert "only from a browser on the machine" in why_not_here(request(host))


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"])
def test_a_proxy_on_this_machine_lends_nobody_its_address(header: str) -> None:
    assert "only from a browser on the machine" in why_not_here(request(**{header: "203.0.113.9"}))


def test_a_house_with_a_public_address_has_no_doors_at_all(settings: Settings) -> None:
    settings.IS_LOOPBACK = False

    assert "only from a browser on the machine" in why_not_here(request())


def test_a_house_that_is_no_demonstration_says_so(settings: Settings) -> None:
    settings.DEMO = False

    assert "no demonstration" in why_not_here(request())


def test_a_host_that_django_refuses_is_not_this_machine(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["trains.example.org"]

    assert "only from a browser on the machine" in why_not_here(request("nonsense host"))


@pytest.mark.parametrize(
    ("host", "answer"), [("localhost", True), ("[::1]", True), ("", False), ("evil", False)]
)
def test_loopback_is_told_by_name_or_address(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer
