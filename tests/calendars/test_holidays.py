"""Holidays of any country and part of it; a place that nobody knows is refused with a suggestion."""

from datetime import date

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.calendars.actions.holidays import add_holidays
from releasetrain.calendars.models import Holidays
from releasetrain.calendars.queries.holidays import dates_of
from releasetrain.calendars.rules.holidays import (
    UnknownPlace,
    countries,
    holiday_dates,
    read_country,
    read_subdivision,
    subdivisions,
)
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed
from tests import make

YEAR = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("text", ["DE", "de", "DEU", "Germany", " germany "])
def test_a_country_is_known_by_code_and_by_name(text: str) -> None:
    assert read_country(text) == "DE"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Germny", "Did you mean DE (Germany)?"),
        ("XX", "Use a code such as DE for Germany."),
        ("", "Say which country"),
    ],
)
def test_a_country_that_nobody_knows_is_refused_with_a_suggestion(text: str, says: str) -> None:
    with pytest.raises(UnknownPlace) as refusal:
        read_country(text)
    assert says in str(refusal.value)
    assert refusal.value.field == "country"


@pytest.mark.parametrize("text", ["BE", "be", "Berlin"])
def test_a_part_of_a_country_is_known_by_code_and_by_name(text: str) -> None:
    assert read_subdivision("DE", text) == "BE"


@pytest.mark.parametrize(
    ("country", "text", "says"),
    [
        ("DE", "Berln", "Did you mean BE (Berlin)?"),
        ("DE", "ZZ", "Known are Augsburg, BW, BY, BE"),
        ("TR", "Ankara", "the same holidays everywhere"),
    ],
)
def test_a_part_that_a_country_lacks_is_refused_with_a_suggestion(country: str, text: str, says: str) -> None:
    with pytest.raises(UnknownPlace) as refusal:
        read_subdivision(country, text)
    assert says in str(refusal.value)
    assert refusal.value.field == "subdivision"


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    assert date(2026, 3, 8) in holiday_dates("DE", "BE", *YEAR)
    assert date(2026, 3, 8) not in holiday_dates("DE", "BY", *YEAR)
    assert date(2026, 3, 8) not in holiday_dates("DE", "", *YEAR)


def test_first_and_last_day_both_count() -> None:
    christmas = date(2026, 12, 25)
    assert list(holiday_dates("DE", "", christmas, christmas)) == [christmas]
    assert holiday_dates("DE", "", date(2026, 12, 27), date(2026, 12, 31)) == {}
    assert list(holiday_dates("DE", "", date(2026, 12, 26), date(2027, 1, 1))) == [
        date(2026, 12, 26),
        date(2027, 1, 1),
    ]


def test_names_do_not_depend_on_the_language_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    assert holiday_dates("DE", "", date(2031, 12, 25), date(2031, 12, 25)) == {
        date(2031, 12, 25): "Christmas Day"
    }


def test_every_country_and_part_can_be_read() -> None:
    longest = 1
    for country in countries():
        assert read_country(country) == country
        holiday_dates(country, "", *YEAR)
        for part in subdivisions(country):
            assert read_subdivision(country, part) == part
            longest = max(longest, len(part))
    assert longest <= (Holidays._meta.get_field("subdivision").max_length or 0)


@pytest.mark.django_db
def test_holidays_are_added_by_who_manages_releases() -> None:
    ada = make.user("Ada", Role.RELEASE_MANAGER, team=make.team())
    made = add_holidays(name="Berlin", country="germany", subdivision="berlin", by=ada, now=make.NOW)
    assert (made.country, made.subdivision) == ("DE", "BE")
    assert dates_of(made, date(2026, 3, 8), date(2026, 3, 8)) == {date(2026, 3, 8): "Women's Day"}
    event = Event.objects.get(kind="calendars.holidays.added")
    assert event.actor_id == ada.pk
    assert event.data == {"country": "DE", "subdivision": "BE"}


@pytest.mark.django_db
def test_holidays_are_not_added_by_others() -> None:
    with pytest.raises(NotAllowed, match="release manager or administrator"):
        add_holidays(name="Berlin", country="DE", by=make.user("Eve", Role.ON_CALL), now=make.NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": "Berlin", "country": "FR"}, "name"),
        ({"name": "Again", "country": "DEU", "subdivision": "Berlin"}, "country"),
        ({"name": " ", "country": "FR"}, "name"),
        ({"name": "Nowhere", "country": "Atlantis"}, "country"),
        ({"name": "Nowhere", "country": "DE", "subdivision": "Atlantis"}, "subdivision"),
    ],
)
def test_holidays_typed_wrong_are_refused_at_their_field(typed: dict[str, str], field: str) -> None:
    ada = make.user("Ada", Role.ADMINISTRATOR)
    add_holidays(name="Berlin", country="DE", subdivision="BE", by=ada, now=make.NOW)
    with pytest.raises(Invalid) as refusal:
        add_holidays(**typed, by=ada, now=make.NOW)
    assert refusal.value.field == field
