"""Read the /metrics page of a service itself, in the formats of Prometheus and of OpenMetrics."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from prometheus_client.core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from releasetrain.health.rules.asking import (
    STALE_AFTER,
    Amount,
    Ask,
    Counted,
    Fault,
    Finding,
    Json,
    Missing,
    Told,
    Unanswered,
    amount_of,
    bad_of,
    fill,
)
from releasetrain.health.rules.counters import Scrape, Series, increase
from releasetrain.health.rules.reports import LONGEST_SPAN
from releasetrain.health.rules.selectors import BadSelector, Selector, read_selector
from releasetrain.health.sources.base import get
from releasetrain.lib.fetching import Fetched, Wish
from releasetrain.lib.hashing import digest
from releasetrain.lib.spans import Span

MOST_BYTES = 8 * 1024 * 1024
MOST_SERIES = 2000
OPENMETRICS = "application/openmetrics-text"
ACCEPT = f"{OPENMETRICS};version=1.0.0;q=0.9, text/plain;version=0.0.4;q=0.5, */*;q=0.1"
EXEMPLAR = re.compile(r" # \{.*$", re.MULTILINE)
PARSER_FAULTS = (ValueError, KeyError, IndexError, TypeError, AttributeError)
BEGAN = "process_start_time_seconds"
NOT_COUNTERS = frozenset({"gauge", "info", "stateset", "summary"})
# Of a summary and of a histogram these rise, and are counters whatever the family is called.
RISING = ("_count", "_bucket")
CREATED = "_created"


@dataclass(frozen=True, slots=True)
class Page:
    """What a /metrics page says that matters here."""

    families: list[Metric]
    began_at: float | None
    created: Mapping[str, float]


class ScrapeSource:
    """A service that shows its own counters."""

    def why_not(self, expression: str) -> str | None:
        """Say why an expression is no selector; placeholders may stand in its values."""
        try:
            read_selector(fill(expression, {}, str))
        except BadSelector as refusal:
            return str(refusal)
        return None

    async def tell(self, ask: Ask) -> Told:
        """Return what was counted since the last reading; the first one only remembers."""
        page = await _read(ask)
        units, second = (_picked(page, _selector(ask, text)) for text in (ask.units, ask.bad))
        now = ask.spans[-1].end
        keys = _keys(ask)
        # A counter that is no number for once must not seem to begin from zero afterwards.
        is_whole = all(isinstance(counter_of(one.value), float) for one in (*units, *second))
        memory = _remember(now, keys, page, [*units, *second]) if is_whole else ask.memory
        before = _recall(ask.memory, keys)
        if before is None or now - before.at > LONGEST_SPAN:
            span = ask.spans[-1]
            return Told((Counted(span, Missing.BEGINNING, Missing.BEGINNING),), memory)
        if now <= before.at:
            return Told((), ask.memory)
        whole = _counted(before, units, page, now)
        part = _counted(before, second, page, now)
        bad = bad_of(whole, part, counts_good=ask.counts_good)
        return Told((Counted(Span(before.at, now), whole, bad),), memory)

    async def try_out(self, ask: Ask) -> list[Finding]:
        """Read the page once, and say what its counters stand at."""
        page = await _read(ask)
        second = "Good" if ask.counts_good else "Bad"
        now = ask.spans[-1].end
        return [
            _finding(what, _picked(page, _selector(ask, text)), now)
            for what, text in (("Units", ask.units), (second, ask.bad))
        ]


def _finding(what: str, series: list[Series], now: datetime) -> Finding:
    state = _state(series, now)
    if state is not None:
        return Finding(what, f"No number: {state.words}.", is_well=False)
    total = sum(one.value for one in series)
    counters = "1 counter stands" if len(series) == 1 else f"{len(series)} counters together stand"
    return Finding(what, f"{counters} at {total:,.0f}; what it rises by is counted.", is_well=True)


async def _read(ask: Ask) -> Page:
    address = fill(ask.address, ask.values, lambda value: quote(value, safe=""))
    headers = {"Accept": ACCEPT, "Accept-Encoding": "identity", "User-Agent": "Release Train"}
    if ask.authorization:
        headers["Authorization"] = ask.authorization
    answer = await get(Wish(address, ask.seconds, MOST_BYTES, headers))
    if answer.status != 200:
        raise Unanswered(Fault.GARBLED, f"It answers {answer.status} instead of metrics.")
    return parse(answer)


def parse(answer: Fetched) -> Page:
    """Read a page in the format that it says it has.

    :raises Unanswered: it is in neither format
    """
    try:
        families = _families(answer.body.decode(), answer.content_type)
    except PARSER_FAULTS as fault:
        raise Unanswered(Fault.GARBLED, f"It is no page of metrics: {str(fault)[:200]}.") from fault
    if not families:
        raise Unanswered(Fault.GARBLED, "The page holds no metrics.")
    samples = [one for family in families for one in family.samples]
    began = [one.value for one in samples if one.name == BEGAN]
    created = {f"{one.name}{_labels(one.labels)}": one.value for one in samples if one.name.endswith(CREATED)}
    return Page(families, float(began[0]) if began else None, created)


def _families(text: str, content_type: str) -> list[Metric]:
    """Read OpenMetrics by its rules, and where a page breaks one of them, as the older format reads it."""
    if content_type.partition(";")[0].strip().lower() == OPENMETRICS:
        try:
            return list(openmetrics.text_string_to_metric_families(text))
        except PARSER_FAULTS:
            if not text.rstrip().endswith("# EOF"):
                raise ValueError("it ends before its end") from None
            text = EXEMPLAR.sub("", text)
    return list(text_string_to_metric_families(text))


def _selector(ask: Ask, text: str) -> Selector:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")

    try:
        return read_selector(fill(text, ask.values, quoted))
    except BadSelector as refusal:
        raise Unanswered(Fault.EXPRESSION, str(refusal)) from refusal


def _picked(page: Page, selector: Selector) -> list[Series]:
    """Return the counters that a selector picks.

    :raises Unanswered: they are no counters, or too many
    """
    found: list[Series] = []
    for family in page.families:
        if not selector.name.startswith(family.name):
            continue
        created = f"{family.name.removesuffix('_total')}{CREATED}"
        for sample in family.samples:
            if not selector.picks(sample.name, sample.labels):
                continue
            if family.type in NOT_COUNTERS and not selector.name.endswith(RISING):
                sentence = f"{selector.name} is a {family.type}: only a counter can be counted."
                raise Unanswered(Fault.EXPRESSION, sentence)
            labels = _labels(sample.labels)
            at = float(sample.timestamp) if sample.timestamp is not None else None
            key = digest(f"{sample.name}{labels}")[:16]
            plain = _labels({name: value for name, value in sample.labels.items() if name != "le"})
            found.append(Series(key, float(sample.value), page.created.get(f"{created}{plain}"), at))
    if len(found) > MOST_SERIES:
        raise Unanswered(Fault.MANY, f"{len(found)} series match; at most {MOST_SERIES} are added up.")
    return found


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{name}={value!r}" for name, value in sorted(labels.items())) + "}"


def _state(series: Iterable[Series], now: datetime) -> Missing | None:
    """Return why counters say nothing, None where they do."""
    known = list(series)
    if not known:
        return Missing.EMPTY
    for one in known:
        if isinstance(found := counter_of(one.value), Missing):
            return found
        if one.sampled_at is not None and now.timestamp() - one.sampled_at > STALE_AFTER.total_seconds():
            return Missing.STALE
    return None


def counter_of(value: float) -> Amount:
    """Return what a counter stands at, however much that is, or why it can be none."""
    found = amount_of(value)
    return value if found is Missing.TOO_MANY else found


def _counted(before: Scrape, series: list[Series], page: Page, now: datetime) -> Amount:
    state = _state(series, now)
    return state if state is not None else amount_of(increase(before, series, started_at=page.began_at))


def _keys(ask: Ask) -> str:
    """Name what is asked, so that counters of something else are never compared with it."""
    return "\n".join(fill(text, ask.values, str) for text in (ask.address, ask.units, ask.bad))


def _remember(now: datetime, keys: str, page: Page, series: Iterable[Series]) -> dict[str, Json]:
    values = {one.key: one.value for one in series}
    return {"of": keys, "at": now.isoformat(), "began_at": page.began_at, "values": values}


def _recall(memory: Mapping[str, Json], keys: str) -> Scrape | None:
    if memory.get("of") != keys:
        return None
    return Scrape(datetime.fromisoformat(memory["at"]).astimezone(UTC), memory["values"], memory["began_at"])
