import json
from pathlib import Path

import pytest

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Column, Result, Row
from releasetrain.bench.house import answer_of, environment


def test_nothing_leads_to_another_house_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RELEASETRAIN_PUBLIC_URL", "https://trains.example.org")
    monkeypatch.setenv("RELEASETRAIN_EMAIL_URL", "smtp://mail.example.org")
    monkeypatch.setenv("DATABASE_URL", "postgres://the.real/one")
    env = environment({"DATABASE_URL": "postgres://mine", "REDIS_URL": "unix:///mine"}, tmp_path)
    assert (env["DATABASE_URL"], env["REDIS_URL"]) == ("postgres://mine", "unix:///mine")
    assert env["RELEASETRAIN_PUBLIC_URL"] == f"http://127.0.0.1:{env['PORT']}"
    assert env["RELEASETRAIN_DATA"] == str(tmp_path)
    assert "RELEASETRAIN_EMAIL_URL" not in env
    assert len(env["RELEASETRAIN_SECRET_KEY"]) >= 32


def test_a_result_comes_back_from_the_process_that_measured(tmp_path: Path) -> None:
    result = Result("live", "who got what", [Column("p99", "p99 ms")], [Row("hub", {"p99": 12})], [], [])
    answer = tmp_path / "result.json"
    answer.write_text(json.dumps(result.as_json()))
    assert answer_of(0, answer, "live") == result


def test_a_refusal_comes_back_as_its_sentence(tmp_path: Path) -> None:
    answer = tmp_path / "result.json"
    answer.write_text(json.dumps({"refused": "The storefront did not start."}))
    with pytest.raises(CannotMeasure, match=r"^The storefront did not start\.$"):
        answer_of(3, answer, "rollback")


def test_a_benchmark_that_ends_without_a_result_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure, match=r"The benchmark live ended \(exit code 1\) without a result"):
        answer_of(1, tmp_path / "result.json", "live")
