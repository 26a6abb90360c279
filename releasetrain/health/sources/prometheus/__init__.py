"""Ask a Prometheus, or whatever speaks its HTTP API, by PromQL over ranges; one instant for a trial."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from releasetrain.health.rules.asking import (
    STALE_AFTER,
    Amount,
    Ask,
    Counted,
    Fault,
    Finding,
    Missing,
    Told,
    Unanswered,
    amount_of,
    bad_of,
    fill,
)
from releasetrain.health.sources.base import get
from releasetrain.lib.fetching import Wish
from releasetrain.lib.spans import Span, in_words

MOST_BYTES = 4 * 1024 * 1024
# What Prometheus calls the kinds of errors for which the question is to blame.
OURS = frozenset({"bad_data", "execution", "not_found"})
ANNOTATION = "PromQL "
TRIAL_BACK = timedelta(minutes=10)


class PrometheusSource:
    """A Prometheus, Thanos, Mimir or VictoriaMetrics."""

    def why_not(self, expression: str) -> str | None:
        """Leave PromQL to whoever is asked: a trial says what is wrong with it."""
        return None

    async def tell(self, ask: Ask) -> Told:
        """Return a count for each span; the value at its end is what the expression says of it."""
        if not ask.spans:
            return Told(())
        units, second = await asyncio.gather(query_range(ask, ask.units), query_range(ask, ask.bad))
        counts = []
        for span in ask.spans:
            whole = units.get(span.end, Missing.EMPTY)
            part = second.get(span.end, Missing.EMPTY)
            counts.append(Counted(span, whole, bad_of(whole, part, counts_good=ask.counts_good)))
        return Told(tuple(counts))

    async def try_out(self, ask: Ask) -> list[Finding]:
        """Ask for this instant, and where that is empty for the minutes before it."""
        second = "Good" if ask.counts_good else "Bad"
        pairs = (("Units", ask.units), (second, ask.bad))
        return list(await asyncio.gather(*(_finding(ask, what, text) for what, text in pairs)))


async def _finding(ask: Ask, what: str, text: str) -> Finding:
    span = ask.spans[-1]
    found = await query(ask, text, span.end)
    if found is Missing.EMPTY:
        found = await _was_there(ask, text)
    if isinstance(found, Missing):
        return Finding(what, f"No number: {found.words}.", is_well=False)
    return Finding(what, f"{found:,.1f} in {in_words(span.end - span.start)}.", is_well=True)


async def _was_there(ask: Ask, text: str) -> Missing:
    """Tell a series that has ended from one that never was."""
    span = ask.spans[-1]
    step = span.end - span.start
    before = tuple(
        Span(span.start - step * number, span.end - step * number)
        for number in reversed(range(int(TRIAL_BACK / step)))
    )
    points = await _range(ask, text, before)
    newest = max(points, default=None)
    return Missing.STALE if newest is not None and span.end - newest > STALE_AFTER else Missing.EMPTY


async def query(ask: Ask, text: str, at: datetime) -> Amount:
    """Ask for the value of an expression at an instant.

    :raises Unanswered: there is no answer, or one that is more than a number
    """
    answer = await _ask(ask, "/api/v1/query", {"query": filled(ask, text), "time": f"{at.timestamp():.3f}"})
    kind, result = answer.get("resultType"), answer.get("result")
    if kind == "scalar":
        return _value(result)
    if kind != "vector":
        raise Unanswered(Fault.EXPRESSION, f"It gives a {kind}, not a number: count over the range.")
    series = _one(result)
    return Missing.EMPTY if series is None else _value(series.get("value"))


async def query_range(ask: Ask, text: str) -> dict[datetime, Amount]:
    """Ask for the value of an expression at the end of each span; an instant without a value is left out.

    :raises Unanswered: there is no answer, or one that is more than a number an instant
    """
    return await _range(ask, text, ask.spans)


async def _range(ask: Ask, text: str, spans: Sequence[Span]) -> dict[datetime, Amount]:
    step = spans[-1].end - spans[-1].start
    answer = await _ask(
        ask,
        "/api/v1/query_range",
        {
            "query": filled(ask, text),
            "start": f"{spans[0].end.timestamp():.3f}",
            "end": f"{spans[-1].end.timestamp():.3f}",
            "step": f"{step.total_seconds():g}s",
        },
    )
    if answer.get("resultType") != "matrix":
        raise Unanswered(Fault.GARBLED, "A range was asked, and something else answered.")
    series = _one(answer.get("result"))
    points = (series or {}).get("values") or []
    found: dict[datetime, Amount] = {}
    try:
        for at, value in points:
            # It rounds instants to milliseconds.
            number = round((float(at) - spans[0].end.timestamp()) / step.total_seconds())
            amount = _value([at, value])
            if 0 <= number < len(spans):
                found[spans[number].end] = amount
    except (TypeError, ValueError, OverflowError) as fault:
        raise Unanswered(Fault.GARBLED, "Its answer is no list of instants and values.") from fault
    return found


def filled(ask: Ask, text: str) -> str:
    """Return an expression as it is asked; what is put in cannot leave the quotes that it stands in."""
    return fill(
        text, ask.values, lambda value: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    )


def _one(result: Any) -> Mapping[str, Any] | None:
    """Return the only series of a result, None where it is empty."""
    if not isinstance(result, list) or not all(isinstance(one, dict) for one in result):
        raise Unanswered(Fault.GARBLED, "Its answer is no list of series.")
    if not result:
        return None
    if len(result) > 1:
        raise Unanswered(Fault.MANY, f"It gives {len(result)} series: put sum(…) around them.")
    series: Mapping[str, Any] = result[0]
    if "histogram" in series or "histograms" in series:
        sentence = "It gives a histogram, not a number: use histogram_count(…)."
        raise Unanswered(Fault.EXPRESSION, sentence)
    return series


def _value(sample: Any) -> Amount:
    try:
        _, text = sample
        return amount_of(float(text))
    except (TypeError, ValueError) as fault:
        raise Unanswered(Fault.GARBLED, "Its answer holds a value that is no number.") from fault


async def _ask(ask: Ask, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Release Train"}
    if ask.authorization:
        headers["Authorization"] = ask.authorization
    timeout = {"timeout": f"{ask.seconds:g}s"}
    wish = Wish(ask.address.rstrip("/") + path, ask.seconds, MOST_BYTES, headers, form={**form, **timeout})
    return _data((await get(wish)).body)


def _data(body: bytes) -> Mapping[str, Any]:
    """Read the envelope of an answer.

    :raises Unanswered: it is no answer of the API, tells of an error, or is only a part
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise Unanswered(Fault.GARBLED, "It does not answer in JSON, as a Prometheus does.") from fault
    if not isinstance(answer, dict) or answer.get("status") not in {"success", "error"}:
        raise Unanswered(Fault.GARBLED, "It answers JSON that is not from the Prometheus API.")
    if answer["status"] == "error":
        said = str(answer.get("error", ""))[:300]
        if answer.get("errorType") in OURS:
            raise Unanswered(Fault.EXPRESSION, f"It refuses the expression: {said}.")
        if answer.get("errorType") == "timeout":
            raise Unanswered(Fault.TIMEOUT, f"It gave up: {said}.")
        raise Unanswered(Fault.BROKEN, f"It failed: {said}.")
    warnings = [str(one) for one in answer.get("warnings") or [] if not str(one).startswith(ANNOTATION)]
    if warnings:
        raise Unanswered(Fault.PARTIAL, f"It answers in part only: {warnings[0][:300]}.")
    data = answer.get("data")
    if not isinstance(data, dict):
        raise Unanswered(Fault.GARBLED, "Its answer holds no data.")
    return data
