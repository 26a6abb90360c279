"""Ask what a driver needs to know: its own fields, secrets by name, and what else could bring users back."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.validators import validate_slug

from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.drivers.fields import Field, FieldKind, value_of

NEW = "__new"
FIELDS = "field-"
FALLBACKS = "fallbacks"
ROWS = 3


class DriverForm(forms.Form):
    """The configuration of one driver, built from its own fields."""

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        kind: str,
        config: Mapping[str, Any],
        secrets: Iterable[str],
        **rest: Any,
    ) -> None:
        super().__init__(data, use_required_attribute=False, **rest)
        self.kind, self.config = kind, config
        names = list(secrets)
        for field in DRIVERS[kind].fields:
            self.fields[FIELDS + field.name] = _form_field(field, names)
            self.initial.setdefault(FIELDS + field.name, _shown(field, config))
            if field.kind is FieldKind.SECRET:
                self.fields[FIELDS + field.name + NEW] = _typed_secret(field)
        fallbacks = config.get(FALLBACKS) or []
        for number in range(len(fallbacks) + ROWS):
            known = fallbacks[number] if number < len(fallbacks) else {}
            self._add_fallback(number, known, len(fallbacks))

    def _add_fallback(self, number: int, known: Mapping[str, Any], kept: int) -> None:
        kinds = [("", "none"), *sorted((kind, driver.label) for kind, driver in DRIVERS.items())]
        self.fields[f"fallback-{number}-place"] = forms.IntegerField(
            required=False, min_value=1, max_value=99, label=f"Fallback {number + 1}: its place"
        )
        self.fields[f"fallback-{number}-driver"] = forms.ChoiceField(
            choices=kinds, required=False, label="Driver"
        )
        self.fields[f"fallback-{number}-config"] = forms.CharField(
            required=False,
            label="Its configuration, as JSON",
            widget=forms.Textarea(attrs={"rows": 4, "class": "code", "spellcheck": "false"}),
        )
        self.initial.setdefault(f"fallback-{number}-place", number + 1 if number < kept else None)
        self.initial.setdefault(f"fallback-{number}-driver", known.get("driver", ""))
        config = known.get("config")
        self.initial.setdefault(f"fallback-{number}-config", json.dumps(config, indent=2) if config else "")

    @property
    def own_fields(self) -> list[forms.BoundField]:
        """Return the fields of the driver itself."""
        return [self[name] for name in self.fields if name.startswith(FIELDS)]

    @property
    def fallback_rows(self) -> list[list[forms.BoundField]]:
        """Return the fields of each fallback together."""
        names = [name for name in self.fields if name.startswith("fallback-")]
        return [[self[name] for name in names[at : at + 3]] for at in range(0, len(names), 3)]

    def typed_secrets(self) -> dict[str, str]:
        """Return the secrets that were typed in, by the name of their field."""
        own = [one.name for one in DRIVERS[self.kind].fields if one.kind is FieldKind.SECRET]
        typed = {name: self.data.get(FIELDS + name + NEW, "") for name in own}
        return {name: value for name, value in typed.items() if value.strip()}

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        rows = []
        for number, row in enumerate(self.fallback_rows):
            kind = typed.get(f"fallback-{number}-driver", "")
            if kind:
                place = typed.get(f"fallback-{number}-place") or number + 1
                rows.append((place, number, {"driver": kind, "config": self._config_of(row[2].name, typed)}))
        typed[FALLBACKS] = [row for _, _, row in sorted(rows, key=lambda one: one[:2])]
        return typed

    def _config_of(self, name: str, typed: Mapping[str, Any]) -> dict[str, Any]:
        try:
            found = json.loads(typed.get(name) or "{}")
        except ValueError as error:
            self.add_error(name, f"This is no JSON: {error}.")
            return {}
        if not isinstance(found, dict):
            self.add_error(name, "This must be an object such as {“flag”: “its-key”}.")
            return {}
        return found

    def result(self, *, is_same_driver: bool) -> dict[str, Any]:
        """Return the configuration as typed; what no field asks for stays as it is under the same driver."""
        asked = {field.name for field in DRIVERS[self.kind].fields} | {FALLBACKS}
        kept = (
            {name: value for name, value in self.config.items() if name not in asked}
            if is_same_driver
            else {}
        )
        for field in DRIVERS[self.kind].fields:
            value = _kept(field, self.cleaned_data[FIELDS + field.name])
            if value not in (None, "", []) and value != field.default:
                kept[field.name] = value
        if self.cleaned_data[FALLBACKS]:
            kept[FALLBACKS] = self.cleaned_data[FALLBACKS]
        return kept


def _form_field(field: Field, secrets: list[str]) -> forms.Field:
    common: dict[str, Any] = {"label": field.label, "help_text": field.help, "required": field.is_required}
    if field.kind is FieldKind.SWITCH:
        return forms.BooleanField(**common | {"required": False})
    if field.choices:
        empty = [] if field.is_required else [("", "as usual")]
        return forms.ChoiceField(choices=[*empty, *((one, one) for one in field.choices)], **common)
    if field.kind is FieldKind.SECRET:
        choices = [("", "none"), *((name, name) for name in secrets)]
        return forms.ChoiceField(choices=choices, **common | {"required": False})
    if field.kind is FieldKind.NUMBER:
        return forms.FloatField(**common)
    if field.kind is FieldKind.LINES:
        area = forms.Textarea(attrs={"rows": 3, "class": "code", "spellcheck": "false"})
        return forms.CharField(widget=area, max_length=20_000, **common)
    return forms.CharField(max_length=2000, **common)


def _typed_secret(field: Field) -> forms.Field:
    return forms.CharField(
        required=False,
        max_length=20_000,
        label=f"{field.label}: type a new one",
        help_text="It is encrypted and named at once, and never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


def _shown(field: Field, config: Mapping[str, Any]) -> Any:
    value = value_of(field, config)
    if field.kind is FieldKind.LINES and isinstance(value, list | tuple):
        return "\n".join(str(one) for one in value)
    if field.kind is FieldKind.SECRET and isinstance(value, Mapping):
        return value.get("secret", "")
    return value


def _kept(field: Field, typed: Any) -> Any:
    if field.kind is FieldKind.LINES:
        return [line.strip() for line in (typed or "").splitlines() if line.strip()]
    if field.kind is FieldKind.SECRET:
        return {"secret": typed} if typed else None
    if field.kind is FieldKind.NUMBER and typed is not None:
        return int(typed) if typed == int(typed) else typed
    return typed.strip() if isinstance(typed, str) else typed


class SecretForm(forms.Form):
    """Type a secret in, or another one in its place."""

    name = forms.CharField(
        max_length=50, validators=[validate_slug], help_text="What configurations call it, e.g. proxy-token."
    )
    value = forms.CharField(
        max_length=20_000,
        label="What it holds",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="It is encrypted at once, and never shown again.",
    )
