"""Type who gets which variant of a flag, a segment, and who is to be tried."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment
from releasetrain.flags.actions import SegmentDraft, Targeting
from releasetrain.flags.models import FlagEnvironment, FlagKind, Segment
from releasetrain.flags.rules import FULL, percent
from releasetrain.flags.rules.conditions import BadCondition
from releasetrain.flags.rules.serving import BY
from releasetrain.flags.rules.states import shares_of
from releasetrain.flags.rules.variants import FlagType, Values
from releasetrain.flags.rules.writing import lines_of, read_lines
from releasetrain.web.forms import rows

RULES = "rules"
LINES = forms.Textarea(attrs={"rows": 3, "class": "rule", "spellcheck": "false", "autocapitalize": "off"})


class ConditionLines(forms.CharField):
    """Conditions, one a line; empty means everybody."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"required": False, "max_length": 64 * 1024, "widget": LINES, "strip": False, **kwargs}
        )

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else lines_of(value or [])

    def clean(self, value: Any) -> Any:
        try:
            return read_lines(super().clean(value))
        except BadCondition as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class Shares(forms.CharField):
    """Variants with their shares in percent, such as “a 50, b 50”; one name alone gets everybody."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else shares_typed(value)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return _read_shares(text) if text else None


def shares_typed(serve: Mapping[str, Any]) -> str:
    """Write what is served as it is typed."""
    if "variant" in serve:
        return str(serve["variant"])
    return ", ".join(f"{name} {share}" for name, share in shares_of(serve["split"]))


def _read_shares(text: str) -> dict[str, Any]:
    parts = [one.split() for one in text.split(",") if one.strip()]
    if len(parts) == 1 and len(parts[0]) == 1:
        return {"variant": parts[0][0]}
    if any(len(one) != 2 for one in parts):
        raise forms.ValidationError("Write variants with their shares, such as “a 50, b 50”, or one variant.")
    shares = [_thousandths(share) for _, share in parts]
    if (total := sum(shares)) != FULL:
        raise forms.ValidationError(f"These shares add up to {percent(total)} %, not to 100 %.")
    return {"split": [[name, share] for (name, _), share in zip(parts, shares, strict=True)]}


def _thousandths(text: str) -> int:
    try:
        share = Decimal(text.rstrip("%")) * 1000
    except InvalidOperation as error:
        raise forms.ValidationError(f"“{text[:20]}” is no share in percent.") from error
    if not 0 <= share <= FULL or share != int(share):
        raise forms.ValidationError(f"“{text[:20]}” is no share from 0 to 100 % in thousandths.")
    return int(share)


def refuse(form: forms.Form, problems: Mapping[str, str]) -> None:
    """Show beside each field why it cannot be served."""
    for name, sentence in problems.items():
        form.add_error(name if name in form.fields else None, sentence)


class RuleForm(forms.Form):
    """One rule: for whom, and what they get."""

    name = forms.CharField(required=False, max_length=100, label="Name")
    when = ConditionLines(
        label="For whom", help_text="One condition a line; all must hold. Empty: everybody."
    )
    serve = Shares(max_length=2000, label="They get", help_text="A variant, or shares: “a 50, b 50”.")
    share = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=3,
        label="Of them only, %",
        help_text="Whoever is left goes on to the next rule.",
    )
    by = forms.CharField(
        required=False,
        max_length=200,
        label="Placed by",
        help_text="An attribute; the targeting key if empty.",
    )
    place = forms.IntegerField(required=False, min_value=1, max_value=rows.MOST_ROWS, label="Place")
    kept = forms.JSONField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "empty_permitted": False})

    def rule(self) -> dict[str, Any]:
        """Return what was typed as a rule is kept; its salt and version stay what they were."""
        typed = self.cleaned_data
        by = {"by": typed["by"]} if typed["by"] and typed["by"] != BY else {}
        serve = typed["serve"] | (by if "split" in typed["serve"] else {})
        if typed["share"] is not None and typed["share"] < 100:
            serve = {"ramp": int(typed["share"] * 1000), "serve": serve, **by}
        kept = typed["kept"] if isinstance(typed["kept"], dict) else {}
        own = {name: kept[name] for name in ("salt", "version") if name in kept}
        name = {"name": typed["name"]} if typed["name"] else {}
        return {**name, "when": typed["when"], "serve": serve, **own}


def _initial_of(rule: Mapping[str, Any], number: int) -> dict[str, Any]:
    serve = rule["serve"]
    inner = serve["serve"] if "ramp" in serve else serve
    return {
        "name": rule.get("name", ""),
        "when": rule.get("when", []),
        "serve": inner,
        "share": Decimal(serve["ramp"]) / 1000 if "ramp" in serve else None,
        "by": serve.get("by") or inner.get("by", ""),
        "place": number,
        "kept": {name: rule[name] for name in ("salt", "version") if name in rule},
    }


RuleSet = forms.formset_factory(RuleForm, extra=0, absolute_max=rows.MOST_ROWS, max_num=rows.MOST_ROWS)


class TargetingForm(forms.Form):
    """Who gets which variant of a flag in one environment."""

    overrides = forms.CharField(
        required=False,
        strip=False,
        widget=LINES,
        label="Named users",
        help_text="One a line: a targeting key and a variant, such as “user-17 on”. Asked before all rules.",
    )
    default = Shares(
        required=False,
        max_length=2000,
        label="Everybody else gets",
        help_text="A variant, or shares. Empty: the off variant.",
    )
    prerequisites = forms.CharField(
        required=False,
        strip=False,
        widget=LINES,
        label="Only where other flags serve",
        help_text="One a line: a flag and the variants that it must serve, such as “new-search on”.",
    )
    reason = forms.CharField(max_length=300, label="Why", help_text="It stands in the history.")
    base = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None, *, placed: FlagEnvironment, base: int) -> None:
        initial = {
            "overrides": "\n".join(f"{key} {variant}" for key, variant in placed.overrides.items()),
            "default": placed.default or None,
            "prerequisites": "\n".join(
                f"{key} {', '.join(variants)}" for key, variants in placed.prerequisites
            ),
            "base": base,
        }
        super().__init__(data, initial=initial)
        kept = [_initial_of(rule, number) for number, rule in enumerate(placed.rules, 1)]
        self.rules = RuleSet(data, prefix=RULES, initial=kept)

    def is_valid(self) -> bool:
        return super().is_valid() and self.rules.is_valid()

    def hush(self) -> None:
        """Show what was typed without judging it."""
        rows.hush(self, self.rules)

    def clean_overrides(self) -> dict[str, str]:
        return dict(_pairs(self.cleaned_data["overrides"]))

    def clean_prerequisites(self) -> list[list[Any]]:
        found = _pairs(self.cleaned_data["prerequisites"])
        return [[key, [one.strip() for one in variants.split(",") if one.strip()]] for key, variants in found]

    def targeting(self) -> Targeting:
        """Return what was typed as the actions take it; rules in the order of their places."""
        last = len(self.rules.forms) + 1
        ordered = sorted(self.rules.forms, key=lambda form: form.cleaned_data.get("place") or last)
        return Targeting(
            rules=[form.rule() for form in ordered],
            overrides=self.cleaned_data["overrides"],
            default=self.cleaned_data["default"],
            prerequisites=self.cleaned_data["prerequisites"],
        )


def _pairs(text: str) -> list[tuple[str, str]]:
    """Read lines of a key and what belongs to it."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(maxsplit=1)
        if words and len(words) < 2:
            raise forms.ValidationError(f"Line {number}: “{line.strip()[:60]}” says nothing of a variant.")
        if words:
            found.append((words[0], words[1].strip()))
    return found


class SegmentForm(forms.Form):
    """A part of the users that rules of many flags name."""

    key = forms.CharField(max_length=100, help_text="Rules name it by this; it stays as it is.")
    name = forms.CharField(max_length=100)
    owner = forms.ModelChoiceField(Team.objects.all(), help_text="The team that answers for it.")
    description = forms.CharField(required=False, max_length=300)
    conditions = ConditionLines(label="For whom", help_text="One condition a line; all must hold.")
    keys = forms.CharField(
        required=False,
        strip=False,
        widget=LINES,
        label="And these users",
        help_text="Targeting keys, one a line, whatever the conditions say.",
    )
    reason = forms.CharField(required=False, max_length=300, label="Why")

    def __init__(self, data: QueryDict | None, *, segment: Segment | None) -> None:
        initial = (
            {
                "key": segment.key,
                "name": segment.name,
                "owner": segment.owner_id,
                "description": segment.description,
                "conditions": segment.conditions,
                "keys": "\n".join(segment.keys),
            }
            if segment
            else {}
        )
        super().__init__(data, initial=initial)
        if segment is not None:
            self.fields["key"].disabled = True

    def clean_keys(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["keys"].splitlines() if line.strip()]

    def draft(self) -> SegmentDraft:
        """Return what was typed as the actions take it."""
        typed = dict(self.cleaned_data)
        typed.pop("reason")
        return SegmentDraft(**typed)


class TryForm(forms.Form):
    """Somebody to evaluate a flag for."""

    user = forms.CharField(required=False, max_length=200, label="Targeting key", initial="user-1")
    attributes = forms.CharField(
        required=False,
        strip=False,
        max_length=20_000,
        widget=LINES,
        label="Attributes",
        help_text="One a line, such as “country = NL” or “age = 18”.",
    )

    def clean_attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, line in enumerate(self.cleaned_data["attributes"].splitlines(), 1):
            name, sign, value = (part.strip() for part in line.partition("="))
            if line.strip() and not (name and sign):
                raise forms.ValidationError(f"Line {number}: write a name, “=” and a value.")
            if name:
                _put(found, name.split("."), _read_value(value))
        return found

    @property
    def context(self) -> dict[str, Any]:
        """Return what was typed as an application would send it."""
        user = self.cleaned_data["user"]
        return {**self.cleaned_data["attributes"], **({BY: user} if user else {})}


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _put(into: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        inner = into.get(name)
        into[name] = inner if isinstance(inner, dict) else {}
        into = into[name]
    into[path[-1]] = value


class FlagForm(forms.Form):
    """A new flag."""

    key = forms.CharField(max_length=100, help_text="What applications ask for; it stays as it is.")
    description = forms.CharField(required=False, max_length=300)
    owner = forms.ModelChoiceField(Team.objects.all(), help_text="The team that answers for it.")
    kind = forms.ChoiceField(choices=FlagKind.choices)
    environments = forms.ModelMultipleChoiceField(
        Environment.objects.all(), widget=forms.CheckboxSelectMultiple, label="Where it is served"
    )
    type = forms.ChoiceField(choices=[(one.value, one.value) for one in FlagType])
    variants = forms.CharField(
        strip=False,
        widget=LINES,
        initial="on = true\noff = false",
        help_text="One a line: a name, “=” and the value as JSON.",
    )
    off = forms.CharField(
        max_length=60, initial="off", label="Off variant", help_text="Everybody else gets it."
    )
    ramp = forms.CharField(
        max_length=60, initial="on", label="Ramp variant", help_text="Whoever a rollout lets in gets it."
    )
    is_client_visible = forms.BooleanField(
        required=False,
        label="Visible to clients",
        help_text="Browsers and phones may read it with their tokens.",
    )
    expires_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label="To be gone by",
        help_text="A flag that stays longer is called stale.",
    )

    def clean_variants(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, line in enumerate(self.cleaned_data["variants"].splitlines(), 1):
            name, sign, value = (part.strip() for part in line.partition("="))
            if line.strip() and not (name and sign and value):
                raise forms.ValidationError(f"Line {number}: write a name, “=” and a value.")
            if name:
                found[name] = _read_value(value)
        return found

    def values(self) -> Values:
        """Return what the flag can answer."""
        typed = self.cleaned_data
        return Values(FlagType(typed["type"]), typed["variants"], typed["off"], typed["ramp"])


class ImportForm(forms.Form):
    """A definition of flagd, and where it goes."""

    definition = forms.CharField(
        strip=False, widget=forms.Textarea(attrs={"rows": 12, "class": "rule", "spellcheck": "false"})
    )
    environment = forms.ModelChoiceField(Environment.objects.all(), empty_label=None)
    owner = forms.ModelChoiceField(Team.objects.all(), help_text="The team that answers for these flags.")
