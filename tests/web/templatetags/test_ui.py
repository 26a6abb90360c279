"""Every state has a look of its own, and icons come without help from anywhere."""

from enum import StrEnum

import pytest

from releasetrain.rollouts.rules.guardrails import Verdict
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.rules.states import ChangeState, Choice, DepartureState
from releasetrain.web.templatetags import ui


@pytest.mark.parametrize("states", [DepartureState, ChangeState, Choice, RolloutState, Verdict])
def test_every_state_has_a_look(states: type[StrEnum]) -> None:
    assert [state for state in states if state.value not in ui.LOOKS] == []


@pytest.mark.parametrize("states", [DepartureState, ChangeState, Choice, RolloutState, Verdict])
def test_no_two_states_of_one_thing_are_told_by_colour_alone(states: type[StrEnum]) -> None:
    looks = [ui.look_of(state) for state in states]
    assert len({look.word for look in looks}) == len(looks)
    assert len({(look.icon, look.shape) for look in looks}) == len(looks)


def test_an_unknown_state_keeps_its_word() -> None:
    assert ui.look_of("gone_fishing").word == "Gone fishing"
    assert ui.look_of(None).word == "Unknown"


@pytest.mark.parametrize(
    "name", sorted({look.icon for look in ui.LOOKS.values()} | {*ui.TONE_ICONS.values()})
)
def test_every_icon_is_there(name: str) -> None:
    assert "<path" in ui.draw_icon(name, "") or "<circle" in ui.draw_icon(name, "")


def test_an_icon_is_silent_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in ui.draw_icon("x", "")
    assert 'role="img" aria-label="Close &lt;it&gt;"' in ui.draw_icon("x", "Close <it>")


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("0123456789abcdef0123456789abcdef01234567", "0123456789"),
        ("2026.11.24-2", "2026.11.24-2"),
        ("release-candidate-of-the-second-attempt", "release-candidate-of-the-second-attempt"),
    ],
)
def test_only_a_commit_hash_is_cut_short(version: str, shown: str) -> None:
    assert ui.short(version) == shown
