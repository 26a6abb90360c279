"""Explain the words, the roles, the events and the ways in and out; the lists come from the code itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from releasetrain.events.kinds import KINDS
from releasetrain.lib import clock
from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.rules.states import CLEARING
from releasetrain.trains.rules.readiness import CheckKind

WORDS = (
    ("Change", "Something a team ships: one version of one service, with an author and a way back."),
    ("Bundle", "Changes of whatever services and teams that go together, all or nothing."),
    (
        "Need",
        "What a change needs is aboard with it, or shipped before it departs; else the chain to it is shown.",
    ),
    (
        "Withdrawal",
        "Free until the cut-off; then asked for: what needs the change gets off too, or is re-pointed.",
    ),
    ("Ejection", "Whoever runs a departure takes a change off, with what falls along shown before."),
    ("Revision", "A manifest sealed again, with what is different from the one before."),
    ("Drift", "Newer commits than those sealed. What is sealed stays aboard; the new needs a late pass."),
    ("Train", "A schedule on the wall clock of one zone; it carries services to one environment."),
    ("Departure", "One run of a train. What is aboard at its cut-off leaves together."),
    (
        "Cut-off",
        "The instant at which boarding ends, by the server’s clock. At the instant itself you are late.",
    ),
    ("Manifest", "What is aboard at the cut-off, sealed with a digest. Votes are bound to that digest."),
    ("Go / no-go", "The decision. Each policy names roles and how many people of each must say go."),
    ("Seat", "One place of a policy to fill: a role or a named slot, about everything or a team’s own part."),
    (
        "Carried over",
        "A go to an older revision that stands, as its part of the manifest is as it was.",
    ),
    ("Delegation", "Leave to vote in somebody’s place for a time: one hop, and never to an author."),
    ("Overruled", "An objection that two people without a hand in it have set aside; it stays on record."),
    (
        "Milestone",
        "A named instant of a departure, such as a code freeze; its deadline is counted from departure.",
    ),
    (
        "Window",
        "A span in which nothing may move, or outside of which nothing may; it never stops a rollback.",
    ),
    ("Lane", "The way that something goes out: by train, as a hotfix, or as a flag switched on."),
    (
        "Hotfix",
        "An express departure on demand. It takes its service from a train, which comes again at its stage.",
    ),
    (
        "Break-glass",
        "Half of each quorum and one on-call person let a hotfix go; the other votes are owed within a day.",
    ),
    (
        "Live hotfix",
        "One that everybody has. Nothing that is not known to contain it may follow: that would undo it.",
    ),
    ("Attest", "Give your word, with the reason, that a version contains a hotfix."),
    (
        "Lock",
        "One rollout or one person has a service. Others wait, or take over. No lock stops a rollback.",
    ),
    (
        "Settle",
        "Say that the old side serves what everybody has, so that the next version can begin at 0 %.",
    ),
    ("Rehearsal", "What a window would hit, and what that would do, before it is saved."),
    (
        "Override",
        "Leave for one departure to move in spite of named windows: for a time, by two people, reviewed.",
    ),
    (
        "Late pass",
        "Leave to come aboard after the cut-off, at a price shown first: votes it re-opens, time it adds.",
    ),
    (
        "Ledger",
        "Every stay aboard: it ends as shipped, rolled over, returned or ejected, by somebody, for a reason.",
    ),
    ("Lost property", "What the ledger cannot account for; that page is always empty."),
    (
        "Stop the line",
        "One button: no departure, stage or flag moves forward until it expires. Rollbacks go on.",
    ),
    (
        "Last safe departure",
        "The latest instant from which every stage ends before a window, with somebody on call throughout.",
    ),
    ("Captain, deputy", "Who answers for a departure; they take turns, and hand over with a note."),
    ("Readiness", "All checks that a train asks for, green at once for a minimum time, before it leaves."),
    ("Blocker", "Something that keeps a departure here until somebody clears it; it has an owner."),
    ("Check-in", "Authors say that they are there, where a train asks for it before it leaves."),
    (
        "Ladder",
        "The stages a version climbs: 1, 5, 10, 25, 50, 100 % of users unless the train says otherwise.",
    ),
    ("Bake time", "How long a stage is watched before the next. Pauses and outages do not count as bake."),
    ("Canary, candidate", "The new version, while only some users get it. The old one is the baseline."),
    (
        "Guardrail",
        "What the candidate must keep in comparison with the baseline; when it fails, users come back.",
    ),
    (
        "Advisory, required, critical",
        "What a guardrail weighs: shown only; decides; or fails at once, and nobody dismisses it.",
    ),
    (
        "Dismissal",
        "A person accepts for a time what a guardrail found. Anything worse arms it again at once.",
    ),
    ("Template", "A guardrail that is written once and given to as many services as one likes."),
    (
        "Metric source",
        "A Prometheus or a /metrics page that is asked for counts of both versions, where nobody pushes.",
    ),
    (
        "Provider outage",
        "Many rollouts lost one source at once: one incident, which holds them all and brings none back.",
    ),
    ("Hold", "Something that stops the next stage. No hold ever stops a rollback."),
    (
        "Everything rolling",
        "One page with one button each and one for all. It works while Redis, beat and workers are away.",
    ),
    ("Take back", "Straight back from what has arrived, within 24 hours and 3 versions: no stages, no vote."),
    ("Rollback", "Everybody back on the old version: asked, done at the driver, and read back as 0 %."),
    ("Flag", "A switch that applications ask for by its key; a kill turns it off for everybody at once."),
    ("Dispersion", "How bursty errors are by nature. The guardrails wait longer where it is high."),
)

CHECKS = {
    CheckKind.CI: "Every check that was reported of the very version that goes out is green, and one was.",
    CheckKind.WINDOWS: "No window stops it at its time, or would hold it on its way.",
    CheckKind.ON_CALL: "Every team keeps a rota, and somebody is on call for each stage of its services.",
    CheckKind.ROLLBACK: "Every change has a plan to undo it, a flag, or comes back with its version.",
    CheckKind.MIGRATION: "What takes something out of a schema goes after what replaces it has shipped.",
    CheckKind.ERROR_BUDGET: "Fewer answers were bad in 24 hours than the objective allows.",
    CheckKind.INCIDENTS: "No incident is open on a service aboard.",
    CheckKind.METRICS: "Every service aboard has reported within 5 minutes all that its guardrails require.",
}


def help_page(request: HttpRequest) -> HttpResponse:
    """Show the one help page; anybody may read it."""
    context = {
        "words": WORDS,
        "kinds": sorted(KINDS.items()),
        "drivers": [(kind, (driver.__doc__ or "").strip()) for kind, driver in sorted(DRIVERS.items())],
        "holds": [(kind.value.replace("_", " "), rule.sentence) for kind, rule in CLEARING.items()],
        "checks": [(kind.label, CHECKS[kind]) for kind in CheckKind],
        "now": clock.now(),
    }
    return render(request, "help/page.html", context)
