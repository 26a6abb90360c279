"""Guardrails are promised, tried on a day's data, and given from templates (ENGINE section 5)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.health.models import Reading
from releasetrain.lib import clock
from releasetrain.rollouts.actions import save_guardrail, save_template
from releasetrain.rollouts.models import Guardrail, GuardrailTemplate
from releasetrain.rollouts.rules import guardrails as rules
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def manager(name: str = "Rob") -> User:
    return make.user(name, Role.RELEASE_MANAGER, team=make.team())


def reported(target: Target, *, minutes: int = 30, until: datetime | None = None, **counts: int) -> None:
    """Report "errors" of the old version, a span of ten seconds after another."""
    end = until or clock.now()
    each = {"units": 1000, "bad": 5, **counts}
    Reading.objects.bulk_create(
        Reading(
            target=target,
            arm="baseline",
            metric="errors",
            starts_at=end - timedelta(seconds=10 * (number + 1)),
            ends_at=end - timedelta(seconds=10 * number),
            received_at=end,
            **each,
        )
        for number in range(minutes * 6)
    )


def typed(target: Target | None = None, **fields: Any) -> dict[str, Any]:
    known = {
        "name": "Error rate",
        "metric": "errors",
        "kind": "ratio",
        "level": "required",
        "worse": "",
        "ratio": "1.1",
        "alpha": "1",
        "absolute_limit": "20",
        "absolute_minimum": "20",
        "tolerated_rate": "0.1",
        "excludes": "",
        "no_data": "inconclusive",
        "failure_limit": "2",
        "window_seconds": "10",
    }
    return {**known, **({"target": target.pk} if target else {}), **fields}


def promise(**fields: Any) -> rules.Guardrail:
    return rules.Guardrail(**{"name": "Error rate", "metric": "errors", **fields})


def test_a_guardrail_is_promised_with_everything_that_was_typed(sign_in: SignIn) -> None:
    target, browser = make.target(), sign_in(person=manager())
    reported(target)
    answer = browser.post(
        "/guardrails/new/",
        typed(
            target, level="critical", worse="fewer", alpha="5", absolute_limit="2.5", excludes="4", save="1"
        ),
    )
    assert answer.status_code == 302
    saved = Guardrail.objects.get()
    assert (saved.is_required, saved.is_critical, saved.fewer_is_worse) == (True, True, True)
    assert (saved.alpha, saved.absolute_limit, saved.excludes) == (0.05, 0.025, 4)
    page = browser.get("/guardrails/").content.decode()
    assert "May be at least 1/1.1 of the old version, and never below 2%." in page
    assert "critical" in page
    assert Event.objects.filter(kind="rollouts.guardrail.saved").count() == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metric": "erors"}, "Nothing reports a metric called “erors”. Reported are: errors."),
        ({"kind": "threshold", "absolute_limit": ""}, "A threshold needs its limit"),
        ({"kind": "threshold", "window_seconds": "300"}, "and a stage here bakes for 10 min."),
        ({"ratio": "0.5"}, "The allowed ratio must be 1 or more."),
        ({"ratio": "nan"}, "Enter a number."),
        ({"no_data": "zero", "worse": "fewer"}, "Only an error count may read a missing value as zero."),
        ({"absolute_limit": "2000"}, "The absolute limit is a share"),
        ({"name": "  "}, "This field is required."),
        ({"target": ""}, "This field is required."),
        ({"window_seconds": "1"}, "greater than or equal to 10"),
    ],
)
def test_what_promises_nothing_is_refused_beside_its_field_and_nothing_typed_is_lost(
    sign_in: SignIn, fields: dict[str, str], said: str
) -> None:
    target, browser = make.target(), sign_in(person=manager())
    reported(target)
    sent = {**typed(target, save="1", excludes="7.25"), **fields}
    answer = browser.post("/guardrails/new/", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "7.25" in page
    assert not Guardrail.objects.exists()


def test_a_name_is_taken_once_a_target_and_free_again_once_it_was_removed(sign_in: SignIn) -> None:
    target, rob = make.target(), manager()
    reported(target)
    browser = sign_in(person=rob)
    first = save_guardrail(target, promise(), by=rob, now=clock.now())
    again = browser.post("/guardrails/new/", typed(target, name="error RATE", save="1"))
    assert "has a guardrail called “error RATE” already." in again.content.decode()
    refused = browser.post(f"/guardrails/{first.pk}/remove/", {"reason": " "})
    assert refused.status_code == 422
    browser.post(f"/guardrails/{first.pk}/remove/", {"reason": "Measured elsewhere."})
    assert list(target.guardrails.all()) == []
    assert Guardrail.all_of_them.get().removed_at is not None
    assert browser.get(f"/guardrails/{first.pk}/").status_code == 404
    assert browser.post("/guardrails/new/", typed(target, save="1")).status_code == 302


def test_what_a_rollout_is_judged_by_stays_as_it_is_until_that_is_over(sign_in: SignIn) -> None:
    target, rob = make.target(), manager()
    reported(target)
    saved = save_guardrail(target, promise(), by=rob, now=clock.now())
    moving = make.rollout(on=target, state="baking", desired_weight=5)
    browser = sign_in(person=rob)
    answer = browser.post(f"/guardrails/{saved.pk}/", typed(ratio="9", revision=1, save="1"))
    assert answer.status_code == 409
    assert "v2 is on its way through Storefront in Production at 5 %" in answer.content.decode()
    assert browser.post(f"/guardrails/{saved.pk}/remove/", {"reason": "Noise."}).status_code == 409
    moving.state = "succeeded"
    moving.save(update_fields=["state"])
    assert browser.post(f"/guardrails/{saved.pk}/", typed(ratio="9", revision=1, save="1")).status_code == 302
    saved.refresh_from_db()
    assert (saved.ratio, saved.revision) == (9, 2)


def test_two_people_do_not_overwrite_each_other(sign_in: SignIn) -> None:
    target, rob = make.target(), manager()
    reported(target)
    saved = save_guardrail(target, promise(), by=rob, now=clock.now())
    browser = sign_in(person=rob)
    assert 'name="revision" value="1"' in browser.get(f"/guardrails/{saved.pk}/").content.decode()
    save_guardrail(target, promise(ratio=2), by=rob, now=clock.now(), guardrail=saved, revision=1)
    answer = browser.post(f"/guardrails/{saved.pk}/", typed(ratio="3", revision=1, save="1"))
    assert answer.status_code == 409
    assert "saved by somebody else" in answer.content.decode()
    saved.refresh_from_db()
    assert saved.ratio == 2


def test_only_whoever_runs_trains_there_promises_anything(sign_in: SignIn) -> None:
    target = make.target()
    reported(target)
    ann = make.user("Ann", Role.SUBMITTER, team=make.team())
    stranger = make.user("Eve")
    saved = save_guardrail(target, promise(), by=manager(), now=clock.now())
    browser = sign_in(person=ann)
    assert browser.get("/guardrails/").status_code == 200
    assert browser.post("/guardrails/new/", typed(target, save="1")).status_code == 403
    assert browser.post(f"/guardrails/{saved.pk}/remove/", {"reason": "No."}).status_code == 403
    assert browser.post("/guardrails/templates/new/", typed(save="1")).status_code == 403
    assert sign_in(person=stranger).get("/guardrails/").status_code == 403


def test_a_guardrail_is_tried_on_the_last_day_before_it_is_saved(sign_in: SignIn) -> None:
    target, browser = make.target(), sign_in(person=manager())
    reported(target, minutes=120)
    answer = browser.post("/guardrails/new/", typed(target, **{"try": "1"}), headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "It stops no version that is as good as the old one" in page
    assert "720,000 units were reported, of which 0.50% were bad" in page
    assert not Guardrail.objects.exists()


def test_a_trial_says_where_the_old_version_itself_would_fail_or_traffic_is_too_little(
    sign_in: SignIn,
) -> None:
    target, browser = make.target(), sign_in(person=manager())
    reported(target, minutes=60, units=3, bad=0)
    few = browser.post("/guardrails/new/", typed(target, **{"try": "1"})).content.decode()
    assert "At 1 % most bakes would end without an answer" in few
    tight = browser.post("/guardrails/new/", typed(target, metric="slow", **{"try": "1"})).content.decode()
    assert "Nothing was reported within the last day" in tight
    Reading.objects.all().delete()
    reported(target, minutes=60, bad=30)
    beyond = browser.post(
        "/guardrails/new/", typed(target, absolute_limit="2", **{"try": "1"})
    ).content.decode()
    assert "The old version itself lay beyond the limit in 360 of 360 looks" in beyond


def test_a_trial_replays_the_stages_that_were_really_baked(sign_in: SignIn) -> None:
    target, now = make.target(), clock.now()
    rollout = make.rollout(on=target, state="rolled_back")
    for seq, (state, at) in enumerate([("baking", 300), ("rolling_back", 100)], 1):
        rollout.transitions.create(
            seq=seq,
            rule="T3",
            from_state="shifting",
            to_state=state,
            stage_index=0,
            weight=5,
            fence=1,
            at=now - timedelta(seconds=at),
        )
    for seconds in range(100, 300, 10):
        make.readings(target, now - timedelta(seconds=seconds), bad=5, candidate=50, candidate_bad=9)
    with time_machine.travel(now, tick=False):
        page = sign_in(person=manager()).post("/guardrails/new/", typed(target, **{"try": "1"}))
    said = page.content.decode()
    assert "Stages that were really baked" in said
    assert "v2 at 5 %" in said
    assert "on the new version against" in said


def test_a_template_is_written_once_and_given_to_services(sign_in: SignIn) -> None:
    shop, search = make.target(), make.target("Search")
    reported(shop)
    browser = sign_in(person=manager())
    answer = browser.post(
        "/guardrails/templates/new/",
        typed(team=make.team().pk, description="For everything with pages.", save="1"),
    )
    assert answer.status_code == 302
    template = GuardrailTemplate.objects.get()
    page = browser.get(f"/guardrails/templates/{template.pk}/").content.decode()
    assert "Storefront in Production" in page
    given = browser.post(
        f"/guardrails/templates/{template.pk}/give/", {"target": [shop.pk, search.pk]}, follow=True
    ).content.decode()
    assert "Storefront in Production must keep it from its next rollout on." in given
    assert "Search in Production did not take it. Nothing reports a metric called “errors”." in given
    made = Guardrail.objects.get()
    assert (made.target, made.template, made.ratio) == (shop, template, 1.1)
    browser.post(
        f"/guardrails/templates/{template.pk}/", typed(team=make.team().pk, ratio="2", revision=1, save="1")
    )
    made.refresh_from_db()
    assert made.ratio == 1.1
    page = browser.get(f"/guardrails/templates/{template.pk}/").content.decode()
    assert "Storefront in Production (has an older one)" in page
    browser.post(f"/guardrails/templates/{template.pk}/give/", {"target": [shop.pk]})
    made.refresh_from_db()
    assert (made.ratio, Guardrail.objects.count()) == (2, 1)
    browser.post(f"/guardrails/templates/{template.pk}/remove/")
    assert not GuardrailTemplate.objects.exists()
    assert Guardrail.objects.get().template is None


def test_a_new_guardrail_starts_from_a_template(sign_in: SignIn) -> None:
    rob, _ = manager(), make.target()
    template = save_template(
        make.team(), promise(name="Orders", fewer_is_worse=True, ratio=1.5), by=rob, now=clock.now()
    )
    page = sign_in(person=rob).get(f"/guardrails/new/?template={template.pk}").content.decode()
    assert 'value="Orders"' in page
    assert 'value="1.5"' in page
    assert sign_in(person=rob).get("/guardrails/new/?template=x&target=y").status_code == 200


def test_the_list_takes_as_many_queries_for_three_services_as_for_one(
    sign_in: SignIn, django_assert_max_num_queries: Any
) -> None:
    rob = manager()
    for name in ("Storefront", "Search", "Payments"):
        make.guardrail(make.target(name))
    browser = sign_in(person=rob)
    browser.get("/guardrails/")
    with django_assert_max_num_queries(12):
        browser.get("/guardrails/")


def test_a_team_finds_its_guardrails_beside_its_metrics(sign_in: SignIn) -> None:
    make.guardrail(make.target(), "errors")
    browser = sign_in(Role.RELEASE_MANAGER)
    assert (
        'href="/teams/storefront/guardrails/"' in browser.get("/teams/storefront/metrics/").content.decode()
    )
    page = browser.get("/teams/storefront/guardrails/")
    assert page.status_code == 200
    assert "Guardrails of Storefront" in page.content.decode()
    assert "errors" in page.content.decode()
    assert browser.get("/teams/nobody/guardrails/").status_code == 404
    assert 'href="/guardrails/"' in browser.get("/teams/").content.decode()
