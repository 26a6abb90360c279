"""How the proxy is told what to do."""

import json
from pathlib import Path

import pytest

from releasetrain.proxy import options

NEEDED = [
    "--listen=127.0.0.1:8080",
    "--admin=unix:/run/proxy.sock",
    "--state=/var/lib/proxy/state.json",
    "--token-file=/etc/proxy.token",
    "--baseline=10.0.0.1:80",
]


def test_a_command_line_is_read() -> None:
    read = options.read([*NEEDED, "--candidate", "10.0.0.2:80", "10.0.0.3:80"])
    assert (read.baseline, read.candidate) == (["10.0.0.1:80"], ["10.0.0.2:80", "10.0.0.3:80"])
    assert read.mirror_methods == {"GET", "HEAD", "OPTIONS"}


def test_a_file_is_read_and_what_is_typed_wins(tmp_path: Path) -> None:
    file = tmp_path / "proxy.json"
    file.write_text(json.dumps({"baseline": ["10.0.0.9:80"], "user-header": "x-account"}))
    read = options.read([f"--config={file}", *NEEDED])
    assert (read.user_header, read.baseline) == ("x-account", ["10.0.0.1:80"])


@pytest.mark.parametrize(
    "wrong",
    [
        "--listen=8080",
        "--listen=host:99999",
        "--baseline=http://10.0.0.1:80",
        "--baseline=user@host:80",
        "--admin=unix:relative.sock",
        "--user-header=x id",
        "--config=/nowhere/at/all.json",
    ],
)
def test_a_mistake_is_told_in_a_sentence(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.read([*NEEDED, wrong])
    assert "error:" in capsys.readouterr().err


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.read(NEEDED[1:])
    assert "--listen is missing" in capsys.readouterr().err


def test_the_sample_of_the_help_page_is_read() -> None:
    sample = Path(__file__).parents[2] / "releasetrain" / "rollouts" / "drivers" / "embedded" / "proxy.json"
    read = options.read([f"--config={sample}"])
    assert (read.baseline, read.candidate) == (["127.0.0.1:8101"], ["127.0.0.1:8102"])
