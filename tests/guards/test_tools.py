"""The tools that keep the house in order have nothing to say."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[2]


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment over the checkout."""
    script = Path(sys.executable).with_name(command[0])
    return subprocess.run([str(script), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


def test_ruff_finds_nothing() -> None:
    run = tool("ruff", "check", ".")
    assert run.returncode == 0, run.stdout + run.stderr


def test_code_is_formatted() -> None:
    run = tool("ruff", "format", "--check", ".")
    assert run.returncode == 0, run.stdout + run.stderr


def test_mypy_finds_nothing() -> None:
    run = tool("mypy")
    assert run.returncode == 0, run.stdout + run.stderr


def test_templates_are_formatted() -> None:
    templates = sorted(str(path) for path in (ROOT / "templates").rglob("*.html"))
    for command in (("djade", "--check", "--target-version", "5.2"), ("djangofmt", "--check")):
        run = tool(*command, *templates)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_migrations_import_no_code_of_ours() -> None:
    offenders = [
        path
        for path in (ROOT / "releasetrain").glob("*/migrations/*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("from releasetrain", "import releasetrain"))
    ]
    assert offenders == []
