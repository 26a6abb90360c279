"""Show every part of the design system, drawn by the same files that the pages use."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from releasetrain.lib import clock
from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import Link
from releasetrain.web.templatetags.ui import LOOKS
from releasetrain.web.views.styleguide import (
    aboard,
    board,
    departures,
    lists,
    measured,
    readiness,
    rollouts,
    times,
)
from releasetrain.web.views.styleguide.common import HERE, feed

STATES = {
    "Departures": [
        "scheduled",
        "boarding",
        "deciding",
        "cleared",
        "rolling",
        "held",
        "arrived",
        "rolled_back",
        "cancelled",
        "skipped",
    ],
    "Changes": ["submitted", "aboard", "shipped", "rolled_over", "returned", "ejected", "withdrawn"],
    "Rollouts": [
        "queued",
        "preflight",
        "shifting",
        "baking",
        "soaking",
        "succeeded",
        "rolling_back",
        "superseded",
    ],
    "Guardrails": ["pass", "pending", "inconclusive", "error", "fail", "not_run"],
    "Votes and risk": [
        "go",
        "no_go",
        "needs_work",
        "not_applicable",
        "veto",
        "abstain",
        "missing",
        "low",
        "medium",
        "high",
    ],
}


class SampleForm(forms.Form):
    """Every kind of field."""

    search = forms.CharField(
        widget=forms.TextInput(attrs={"type": "search", "data-search": ""}), help_text="Press / to come here."
    )
    title = forms.CharField(help_text="What changes for whom.")
    service = forms.ChoiceField(
        choices=[("", "Choose one"), ("checkout", "checkout"), ("payments", "payments")]
    )
    services = forms.MultipleChoiceField(
        choices=[("checkout", "checkout"), ("payments", "payments"), ("ledger", "ledger")],
        label="Services it carries",
        required=False,
    )
    version = forms.CharField()
    departs_at = forms.DateTimeField(
        label="First departure",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="On the train’s own wall clock, Europe/Berlin.",
    )
    urgency = forms.ChoiceField(
        widget=forms.RadioSelect,
        choices=[
            ("next", "The next train"),
            ("later", "A later one"),
            ("express", "Express, with its own votes"),
        ],
    )
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    reversible = forms.BooleanField(
        label="It can be taken back without a migration", required=False, help_text="Counts for its risk."
    )


def sample_form() -> SampleForm:
    """Fill the form as somebody did who overlooked two things."""
    form = SampleForm(
        {
            "title": "Show prices with tax",
            "service": "payments",
            "version": "",
            "urgency": "next",
            "departs_at": "",
            "search": "tax",
        }
    )
    form.is_valid()
    return form


def context(now: datetime) -> dict[str, Any]:
    """Gather the samples under the names that the fragments expect."""
    return {
        "now": now,
        "looks": LOOKS,
        "states": STATES,
        "form": sample_form(),
        "board": board.board(now),
        "summary": departures.summary(now),
        "next": departures.next_step(now),
        "manifest": departures.manifest(now),
        "decision": departures.decision(now),
        "ballot": departures.ballot(),
        "rollouts": departures.rollout_lines(),
        "feed": feed(now, "departure-481"),
        "forecast": departures.forecast(now),
        "deadlines": departures.deadlines(now),
        "readiness": readiness.readiness(now),
        "overrides": departures.overrides(now),
        "graph": aboard.graph(),
        "late": aboard.late(now),
        "offer": aboard.offer(now),
        "steering": departures.steering(),
        "steer": departures.steer_form(),
        "cut_off_form": times.cut_off_form(),
        "milestone_form": times.milestone_form(),
        "words": times.words(),
        "climb": times.climb(),
        "preview": times.preview(),
        "zone": times.ZONE,
        "notices": times.notices(now),
        "unread": 2,
        "teams": times.teams(now),
        "rota": times.rota(now),
        "shift": times.shift_words(now),
        "track": rollouts.track(now),
        "held_track": rollouts.held_track(now),
        "guardrails": rollouts.guardrails(now),
        "operator": rollouts.operator(now),
        "holds": rollouts.holds(now),
        "errors": rollouts.errors(now),
        "shadow": rollouts.shadow(),
        "rolling": rollouts.rolling(now),
        "trains": lists.train_rows(now),
        "train": lists.train_page(now),
        "changes": lists.change_rows(now),
        "change": lists.change_page(now),
        "rows": lists.audit_rows(now),
        "tabs": lists.tabs(),
        "pager": lists.pager(),
        "sources": measured.sources(now),
        "trials": measured.trials(),
        "demo_people": lists.demo_people(),
        "reason": Reason(
            "window", "Production is frozen by “Black Friday”.", now.replace(hour=6), "Maya Chen"
        ),
        "links": [Link("Make the first train", HERE), Link("Load the demonstration", HERE)],
    }


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show the design system."""
    return render(request, "styleguide.html", context(clock.now()))
