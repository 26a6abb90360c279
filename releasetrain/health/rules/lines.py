"""Mask what must not be kept of an error line, and fold what differs between two of the same kind."""

import hashlib
import re
from dataclasses import dataclass

SAMPLE_LENGTH = 2000
CUT = " […] "
# Of a long trace the first lines say where it began and the last ones what went wrong.
HEAD = 900
HEAD_LENGTH = 160
MASK = "***"

NAMES_OF_SECRETS = (
    "password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key"
    "|credential|signature|session[_-]?id|csrf|(?<![a-z])(?:sid|sig|pin|otp|cvv|cvc)(?![a-z])"
)


@dataclass(frozen=True, slots=True)
class Mask:
    """One shape of a secret; the hints are cheap to look for, and without one of them it cannot be there."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str = MASK


# Every repetition is bounded, so that no line can make a pattern slow.
MASKS: tuple[Mask, ...] = (
    Mask(
        ("-----begin",),
        re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*?(?:-----END [A-Z ]{1,40}-----|\Z)", re.DOTALL),
    ),
    Mask(("://",), re.compile(r"(://)[^\s/@:]{0,200}:[^\s/@]{1,200}@"), rf"\1{MASK}@"),
    Mask(
        ("cookie",),
        re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s{0,3}[:=]\s{0,3})[^\r\n]{1,4000}"),
        rf"\1{MASK}",
    ),
    Mask(
        ("authorization",),
        re.compile(
            r"(?i)\b((?:proxy-)?authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)"
            r"(?:(?:bearer|basic|digest|token|negotiate|apikey)\s{1,3})?[^\s\"',;]{1,4000}"
        ),
        rf"\1{MASK}",
    ),
    Mask(("bearer",), re.compile(r"(?i)\b(bearer\s{1,3})[\w.~+/=-]{6,4000}"), rf"\1{MASK}"),
    Mask(
        (
            "pass",
            "pwd",
            "secret",
            "token",
            "key",
            "credential",
            "session",
            "csrf",
            "sid",
            "sig",
            "pin",
            "otp",
            "cvv",
            "cvc",
        ),
        re.compile(
            rf"(?i)((?:{NAMES_OF_SECRETS})[\w-]{{0,30}}[\"']?\s{{0,3}}(?:=>|[:=])\s{{0,3}})"
            r"(?:\"[^\"\r\n]{0,4000}\"?|'[^'\r\n]{0,4000}'?|[^\s,;&)}\]]{1,4000})"
        ),
        rf"\1{MASK}",
    ),
    Mask(("eyj",), re.compile(r"\beyJ[\w-]{5,4000}\.[\w-]{2,4000}(?:\.[\w-]{0,4000})?")),
    Mask(
        ("gh", "glpat-", "k_live_", "k_test_", "sk-", "xox", "akia", "asia", "rt_", "aiza", "npm_", "hf_"),
        re.compile(
            r"\b(?:gh[pousr]_|github_pat_|glpat-|sk_live_|sk_test_|rk_live_|sk-|xox[abeoprs]-|AKIA|ASIA|AIza"
            r"|npm_|hf_|rt_)[\w-]{8,255}"
        ),
    ),
    Mask(
        ("hooks.slack.com", "/api/webhooks/", "webhook.office.com"),
        re.compile(
            r"(?i)((?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|webhook\.office\.com)/)[\w/@.-]{1,500}"
        ),
        rf"\1{MASK}",
    ),
    Mask(("@",), re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "***@***"),
)
CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")

# Two lines of the same kind differ in these at most; the day and month are written as words by syslog alone.
FOLDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?"
            r"(?:\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,4}"
        ),
        "<n>",
    ),
    (re.compile(r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\"[^\"\r\n]{0,4000}\"|'[^'\r\n]{0,4000}'|“[^”\r\n]{0,4000}”"), "<text>"),
    (re.compile(r"(?i)\b0x[0-9a-f]+\b"), "<hex>"),
    (re.compile(r"(?i)\b(?=[a-f]{0,200}\d)[0-9a-f]{6,200}\b"), "<hex>"),
    (re.compile(r"\d+"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def masked(message: str) -> str:
    """Return a line without passwords, tokens, cookies, mail addresses and card numbers, and not too long."""
    text = message.replace("\x00", "�")
    lowered = text.lower()
    for mask in MASKS:
        if any(hint in lowered for hint in mask.hints):
            text = mask.pattern.sub(mask.replacement, text)
    return shortened(CARD.sub(_mask_card, text))


def shortened(text: str) -> str:
    """Keep the beginning and the end of a long text, together at most SAMPLE_LENGTH characters."""
    if len(text) <= SAMPLE_LENGTH:
        return text
    return text[:HEAD] + CUT + text[HEAD + len(CUT) - SAMPLE_LENGTH :]


def head_of(sample: str, length: int = HEAD_LENGTH) -> str:
    """Return the line of a sample that says most: the last one of a Python trace, else the first."""
    lines = [line.strip() for line in sample.splitlines() if line.strip()] or [""]
    is_trace = lines[0].startswith("Traceback (most recent call last)")
    head = lines[-1] if is_trace else lines[0]
    return head if len(head) <= length else f"{head[: length - 1]}…"


def fingerprint(sample: str) -> str:
    """Return the same name for lines that differ in ids, numbers and quoted text only."""
    text = sample
    for pattern, replacement in FOLDS:
        text = pattern.sub(replacement, text)
    return hashlib.sha256(text.strip().lower().encode()).hexdigest()


def _mask_card(found: re.Match[str]) -> str:
    """Mask a run of digits that passes the check of card numbers, and no other."""
    digits = [int(one) for one in found.group() if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return MASK if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else found.group()
