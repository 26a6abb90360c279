"""Sell things: baskets, and the two ways to check one out.

The old checkout adds up prices. The new one also shows the tax inside them, by rate; it asks the tax office,
which can be broken on purpose so that anybody may watch a rollback.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from hashlib import sha256

CENT = Decimal("0.01")
LEAST_ORDER = Decimal("5.00")
SLOWNESS_SECONDS = 1.6


class Version(StrEnum):
    """Which checkout answered."""

    OLD = "old"
    NEW = "new"


class Fault(StrEnum):
    """How the new checkout can be broken."""

    ERROR = "error"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Item:
    """Something on the shelf; its price contains the tax of its rate."""

    name: str
    price: Decimal
    rate: str


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax of one rate inside a total."""

    rate: str
    percent: Decimal
    net: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a shopper is shown; `note` says why there is no order where there is none."""

    version: Version
    items: tuple[Item, ...]
    total: Decimal
    taxes: tuple[Tax, ...] = ()
    note: str = ""

    @property
    def is_order(self) -> bool:
        return not self.note


SHELF = (
    Item("Enamel mug", Decimal("12.90"), "standard"),
    Item("Green tea, 100 g", Decimal("6.40"), "reduced"),
    Item("Timetable 1934, reprint", Decimal("18.00"), "reduced"),
    Item("Canvas bag", Decimal("9.50"), "standard"),
    Item("Bicycle bell", Decimal("14.20"), "standard"),
    Item("Picture postcard", Decimal("1.20"), "reduced"),
    Item("Luggage tag", Decimal("3.80"), "standard"),
)
RATES: Mapping[str, Decimal] = {"standard": Decimal(19), "reduced": Decimal(7)}


class TaxRateMissingError(Exception):
    """The tax office knows no rate for these goods."""


class TaxOffice:
    """Know the tax rates, unless broken."""

    def __init__(self) -> None:
        self.fault: Fault | None = None

    async def rates(self) -> Mapping[str, Decimal]:
        """Look the rates up; slowly or in vain where that is the fault."""
        if self.fault is Fault.SLOW:
            await asyncio.sleep(SLOWNESS_SECONDS)
        if self.fault is Fault.ERROR:
            raise TaxRateMissingError("the tax office knows no rate called “standard”")
        return RATES


def basket_of(user: str) -> tuple[Item, ...]:
    """Fill a basket that is always the same for the same shopper; about one in thirteen is empty."""
    dice = sha256(user.encode()).digest()
    if dice[0] % 13 == 0:
        return ()
    return tuple(SHELF[die % len(SHELF)] for die in dice[1 : 2 + dice[1] % 4])


def old_checkout(items: tuple[Item, ...]) -> Checkout:
    """Add up the prices."""
    total = _total(items)
    return Checkout(Version.OLD, items, total, note=_why_no_order(items, total))


async def new_checkout(items: tuple[Item, ...], office: TaxOffice) -> Checkout:
    """Add up the prices and take the tax inside them apart, by rate.

    :raises TaxRateMissingError: the tax office is broken
    """
    rates = await office.rates()
    total = _total(items)
    taxes = tuple(
        _tax_inside(rate, percent, sum((item.price for item in items if item.rate == rate), Decimal(0)))
        for rate, percent in rates.items()
        if any(item.rate == rate for item in items)
    )
    return Checkout(Version.NEW, items, total, taxes, _why_no_order(items, total))


def _total(items: tuple[Item, ...]) -> Decimal:
    return sum((item.price for item in items), Decimal("0.00"))


def _tax_inside(rate: str, percent: Decimal, gross: Decimal) -> Tax:
    net = (gross * 100 / (100 + percent)).quantize(CENT, ROUND_HALF_UP)
    return Tax(rate, percent, net, gross - net)


def _why_no_order(items: tuple[Item, ...], total: Decimal) -> str:
    if not items:
        return "The basket is empty."
    return "" if total >= LEAST_ORDER else f"We send nothing worth less than € {LEAST_ORDER}."
