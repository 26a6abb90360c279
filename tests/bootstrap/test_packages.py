"""Programs are brought only for tests that start them, only where that is ours to do, and never started."""

from pathlib import Path

import pytest

from releasetrain.bootstrap import packages, testing
from releasetrain.bootstrap.packages import PACKAGES, bring, find, wanted

ALL = {"prometheus", "haproxy", "nginx"}
NOWHERE = {"PATH": "/nowhere"}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ALL),
        (["-q"], ALL),
        (["tests"], ALL),
        (["./tests/health/", "-q"], {"prometheus"}),
        (["tests/trains"], set()),
        (["tests/health/test_queries.py"], set()),
        (["tests/drivers"], {"haproxy", "nginx"}),
        (["tests/drivers/nginx/test_flags.py::test_one"], {"nginx"}),
        (["tests/drivers/test_conformance.py"], {"haproxy", "nginx"}),
    ],
)
def test_only_tests_that_start_a_program_want_it(arguments: list[str], names: set[str]) -> None:
    assert {package.name for package in wanted(arguments)} == names


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand on a Debian where we are root, none of the programs is there, and installing brings nothing."""
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "BESIDE_THE_PATH", str(tmp_path))
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr(packages, "by_apt", lambda *names: [["install", *names]])
    monkeypatch.setattr(packages, "runs", lambda step: True)
    return policy


def test_without_the_right_to_install_nothing_should_have_come(
    monkeypatch: pytest.MonkeyPatch, debian: Path
) -> None:
    monkeypatch.setattr(packages, "by_apt", lambda *names: [])
    assert bring(PACKAGES, NOWHERE) == ()


def test_what_did_not_come_is_named_and_ends_a_run_where_nothing_may_be_skipped(
    monkeypatch: pytest.MonkeyPatch, debian: Path
) -> None:
    assert set(bring(PACKAGES, NOWHERE)) == ALL
    monkeypatch.setattr(testing, "find_chromium", lambda environ: "chromium")
    monkeypatch.setattr(testing, "bring", lambda wanted, environ: ("haproxy",))
    monkeypatch.setattr("os.execve", lambda *call: pytest.fail("the tests ran"))
    monkeypatch.setenv("CI", "true")
    assert testing.run_tests(["tests/drivers"]) == 1


def test_only_what_is_absent_is_fetched_and_nothing_of_it_starts(
    monkeypatch: pytest.MonkeyPatch, debian: Path
) -> None:
    asked: list[list[str]] = []
    policies: list[str] = []

    def install(step: list[str]) -> bool:
        asked.append(step)
        policies.append(debian.read_text())
        (debian.parent / "nginx").write_text("#!/bin/sh\n")
        (debian.parent / "nginx").chmod(0o755)
        return True

    (debian.parent / "haproxy").write_text("#!/bin/sh\n")
    (debian.parent / "haproxy").chmod(0o755)
    monkeypatch.setattr(packages, "runs", install)
    assert bring(PACKAGES, NOWHERE) == ("prometheus",)
    assert asked == [["install", "prometheus", "nginx"]]
    assert policies == ["#!/bin/sh\nexit 101\n"]
    assert not debian.exists()


def test_a_machine_s_own_rule_about_services_stays(debian: Path) -> None:
    debian.write_text("#!/bin/sh\nexit 0\n")
    bring(PACKAGES, NOWHERE)
    assert debian.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_server_is_found_where_the_path_of_a_person_leaves_it_out(debian: Path) -> None:
    server = debian.parent / "haproxy"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    assert find("haproxy", NOWHERE) == str(server)
