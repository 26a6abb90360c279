"""Shadow traffic through a real Envoy: compared, counted, and nothing of it is felt by users."""

from datetime import timedelta

import pytest

from releasetrain.health.models import Reading
from releasetrain.lib import clock
from releasetrain.panels.audience import Audience
from releasetrain.panels.shadows import load_shadow
from releasetrain.rollouts.models import Intent, Rollout, Shadow
from releasetrain.rollouts.rules.shadows import SHADOW_METRIC, Comparison, Pairs
from releasetrain.rollouts.shadowing import compare_due
from tests import make
from tests.drivers.envoy.proxy import Proxy, until
from tests.drivers.envoy.test_moving import shift

pytestmark = pytest.mark.django_db
LADDER = [{"weight": 0, "bake_seconds": 600, "mirror": 100}, {"weight": 100, "bake_seconds": 600}]


@pytest.fixture
def rollout(proxy: Proxy, fence: int) -> Rollout:
    """Mirror every request that may be, and look once, so that all that follows is compared."""
    target = make.target(driver="envoy", driver_config=proxy.config)
    row = make.rollout(on=target, ladder=LADDER, state="baking", fence=fence + 1, weight_fence=fence + 1)
    key = f"{row.pk}:{fence}"
    Intent.objects.create(
        rollout=row, action="apply", weight=0, fence=fence + 1, key=key, created_at=make.NOW
    )
    proxy.candidate.status = proxy.baseline.status = 200
    shift(proxy, 0, fence + 1, mirror=100)
    look()
    return row


def look() -> None:
    assert compare_due(clock.now() + timedelta(seconds=3)) == 1
    Shadow.objects.update(next_due_at=clock.now())


def compared(rollout: Rollout) -> Comparison:
    """Look until as many copies are compared as users were answered."""
    look()
    return Comparison.from_json(Shadow.objects.get(rollout=rollout).found)


def ask(proxy: Proxy, count: int, path: str = "/basket?token=secret", method: str = "GET") -> None:
    link = proxy.connect()
    assert {proxy.ask("user", path, method, link) for _ in range(count)} == {("1.0", 200)}
    link.close()


def test_equal_answers_are_pairs_without_a_mismatch_and_the_old_version_is_compared_with_itself(
    proxy: Proxy, rollout: Rollout
) -> None:
    ask(proxy, 30)
    until(lambda: compared(rollout).pairs.compared == 30 and compared(rollout).noise.compared == 30)
    told = compared(rollout)
    assert (told.noise.compared, told.lost, told.waiting) == (30, 0, {})
    marks = [one.get("x-release-train-shadow") for one in proxy.candidate.headers[-30:]]
    assert marks == ["candidate"] * 30
    readings = Reading.objects.filter(metric=SHADOW_METRIC)
    assert {one.arm for one in readings} == {"candidate", "baseline"}
    assert sum(one.units for one in readings) == 60


def test_other_answers_are_counted_by_kind_and_shown_without_the_query(
    proxy: Proxy, rollout: Rollout
) -> None:
    proxy.candidate.status = 500
    ask(proxy, 20)
    until(lambda: compared(rollout).pairs == Pairs(20, 20))
    assert compared(rollout).kinds["status"] == 20
    bad = Reading.objects.filter(metric=SHADOW_METRIC, arm="candidate")
    assert sum(one.bad or 0 for one in bad) == 20
    shown = load_shadow(rollout.pk, Audience.MEMBER, clock.now())
    assert shown is not None
    assert (shown.compared, shown.different) == (20, 20)
    assert shown.samples[0].asked == "GET /basket"
    assert "secret" not in str(shown)
    assert not any(b"secret" in log.read_bytes() for log in proxy.folder.glob("*.log"))
    public = load_shadow(rollout.pk, Audience.STAKEHOLDER, clock.now())
    assert public is not None
    assert public.samples == []


def test_side_effects_are_not_mirrored_unless_allowed(proxy: Proxy, rollout: Rollout, fence: int) -> None:
    before = len(proxy.candidate.asked)
    ask(proxy, 5, method="POST")
    ask(proxy, 1)
    until(lambda: len(proxy.candidate.asked) > before)
    assert {method for method, *_ in proxy.candidate.asked[before:]} == {"GET"}


def test_slow_shadow_keeps_no_user_waiting(proxy: Proxy, rollout: Rollout) -> None:
    before = len(proxy.candidate.asked)
    proxy.candidate.wait_seconds = 8
    ask(proxy, 10)
    # All users have their answers, and no copy has.
    active = "/stats?filter=cluster.shop-candidate.upstream_rq_active$"
    until(lambda: b"rq_active: 10\n" in proxy.admin(active))
    until(lambda: len(proxy.candidate.asked) == before + 10)
    proxy.candidate.wait_seconds = 0
    until(lambda: compared(rollout).pairs.compared == 10)
    assert compared(rollout).kinds == {"time": 10}


def test_a_user_who_says_to_be_a_copy_is_none(proxy: Proxy, rollout: Rollout, fence: int) -> None:
    shift(proxy, 100, fence + 2)
    link = proxy.connect()
    link.request("GET", "/", headers={"x-release-train-shadow": "1", "x-release-train-sample": "1"})
    assert link.getresponse().headers["x-version"] == "2.0"
    link.close()
    assert not {"x-release-train-shadow", "x-release-train-sample"} & set(proxy.candidate.headers[-1])


def test_what_an_earlier_rollout_noted_is_not_compared_again(
    proxy: Proxy, rollout: Rollout, fence: int
) -> None:
    ask(proxy, 10)
    until(lambda: compared(rollout).pairs.compared == 10)
    Rollout.objects.update(state="cancelled", next_due_at=None)
    later = make.rollout(on=rollout.target, ladder=LADDER, state="baking", fence=fence + 9)
    Intent.objects.create(
        rollout=later, action="apply", weight=0, fence=fence + 9, key="later", created_at=make.NOW
    )
    shift(proxy, 0, fence + 9, mirror=100)
    look()
    ask(proxy, 3)
    until(lambda: compared(later).pairs.compared == 3)
    assert compared(later).pairs == Pairs(3, 0)


def test_two_workers_at_once_compare_once(proxy: Proxy, rollout: Rollout) -> None:
    now = clock.now() + timedelta(seconds=10)
    assert compare_due(now) == 1
    Shadow.objects.update(next_due_at=now + timedelta(seconds=30))
    assert compare_due(now) == 0


def test_large_files_are_begun_anew(proxy: Proxy, rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(proxy, 5)
    until(lambda: compared(rollout).pairs.compared == 5)
    monkeypatch.setattr("releasetrain.rollouts.drivers.envoy.answers.LARGE", 100)
    look()
    monkeypatch.undo()
    ask(proxy, 5)
    until(lambda: compared(rollout).pairs.compared == 10)
    assert (proxy.folder / "shop-users.log").stat().st_size < 5000


def test_dead_shadow_is_a_mismatch_and_no_user_loses_anything(proxy: Proxy, rollout: Rollout) -> None:
    proxy.candidate.stop()
    ask(proxy, 20)
    until(lambda: compared(rollout).pairs.compared == 20)
    told = compared(rollout)
    assert told.pairs.different == 20
    assert "503" in told.samples[0].copy
