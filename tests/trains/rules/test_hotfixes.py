"""What a broken glass asks for, and what it owes (RULES H4)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.accounts.rules import Role
from releasetrain.trains.rules.hotfixes import owed, small_asks, why_not_break
from releasetrain.trains.rules.states import DepartureState

RM, OC = Role.RELEASE_MANAGER, Role.ON_CALL
QUORUMS = st.dictionaries(st.sampled_from(list(Role)), st.integers(1, 6), min_size=1)


def test_h4_a_broken_glass_asks_for_half_of_each_quorum_and_one_on_call() -> None:
    asks: list[dict[str, Any]] = [
        {"role": RM.value, "quorum": 3},
        {"role": Role.SUBMITTER.value, "quorum": 1},
    ]
    assert small_asks(asks) == [{"role": RM.value, "quorum": 1}, {"role": OC.value, "quorum": 1}]


@given(QUORUMS)
def test_h4_the_small_quorum_never_asks_for_more_and_always_for_somebody_on_call(
    quorums: dict[Role, int],
) -> None:
    asks: list[dict[str, Any]] = [{"role": role.value, "quorum": count} for role, count in quorums.items()]
    full = {one["role"]: one["quorum"] for one in asks}
    small = {str(one["role"]): int(one["quorum"]) for one in small_asks(asks)}
    assert small[OC.value] >= 1
    assert all(count < full[role] for role, count in small.items() if role != OC.value)
    assert small[OC.value] <= max(1, full.get(OC.value, 0))


def test_h4_whoever_said_go_is_not_owed_again_and_authors_never_count() -> None:
    asks = [{"role": RM.value, "quorum": 2}]
    holders = {RM: {1: "Rob", 2: "Ada", 3: "Zoe"}}
    line = owed(asks, holders, {1: (RM, "Rob"), 2: (RM, "Ada")}, authors={2})[0]
    assert (line.said, line.could, line.lacking) == (("Rob",), ("Zoe",), 1)
    assert line.words == "1 more release manager: Zoe"


def test_h4_a_vote_in_another_role_pays_nothing() -> None:
    line = owed([{"role": RM.value, "quorum": 1}], {RM: {1: "Rob"}}, {1: (OC, "Rob")}, authors=())[0]
    assert (line.lacking, line.could) == (1, ())


def test_h4_only_a_hotfix_that_is_being_decided_has_a_glass() -> None:
    asks = [{"role": RM.value, "quorum": 1}]
    deciding = DepartureState.DECIDING
    for facts, code in (
        ({"is_hotfix": False, "is_broken": False, "asks": asks}, "not_hotfix"),
        ({"is_hotfix": True, "is_broken": True, "asks": asks}, "broken"),
        ({"is_hotfix": True, "is_broken": False, "asks": []}, "nothing_asked"),
    ):
        why = why_not_break(deciding, **facts)  # type: ignore[arg-type]
        assert why is not None
        assert why.code == code
    gone = why_not_break(DepartureState.ROLLING, is_hotfix=True, is_broken=False, asks=asks)
    assert gone is not None
    assert gone.code == "not_deciding"
    assert why_not_break(deciding, is_hotfix=True, is_broken=False, asks=asks) is None
