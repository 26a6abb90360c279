"""The shop sells the same at the same price whichever checkout runs, and breaks where it is told to."""

from decimal import Decimal

import pytest

from releasetrain.demo.shop import (
    SHELF,
    Fault,
    Item,
    TaxOffice,
    TaxRateMissingError,
    basket_of,
    new_checkout,
    old_checkout,
)

MUG = Item("Mug", Decimal("11.90"), "standard")
BOOK = Item("Book", Decimal("10.70"), "reduced")
POSTCARD = Item("Picture postcard", Decimal("1.20"), "reduced")


def test_a_shopper_always_has_the_same_basket() -> None:
    assert basket_of("shopper-0007") == basket_of("shopper-0007")


def test_baskets_differ_and_some_are_empty() -> None:
    baskets = [basket_of(f"shopper-{number:04d}") for number in range(1000)]

    assert len(set(baskets)) > 50
    assert 0.05 < baskets.count(()) / 1000 < 0.11
    assert {item for basket in baskets for item in basket} == set(SHELF)


async def test_both_checkouts_ask_the_same_total_for_every_basket() -> None:
    baskets = [basket_of(f"shopper-{number:04d}") for number in range(200)]

    new = [await new_checkout(basket, TaxOffice()) for basket in baskets]

    assert [one.total for one in new] == [old_checkout(basket).total for basket in baskets]
    assert [one.is_order for one in new] == [old_checkout(basket).is_order for basket in baskets]


async def test_the_new_checkout_takes_the_tax_apart_by_rate() -> None:
    checkout = await new_checkout((MUG, MUG, BOOK), TaxOffice())

    assert [(tax.rate, tax.net, tax.amount) for tax in checkout.taxes] == [
        ("standard", Decimal("20.00"), Decimal("3.80")),
        ("reduced", Decimal("10.00"), Decimal("0.70")),
    ]
    assert sum(tax.net + tax.amount for tax in checkout.taxes) == checkout.total


def test_the_old_checkout_shows_no_tax() -> None:
    assert old_checkout((MUG,)).taxes == ()


@pytest.mark.parametrize(
    ("basket", "note"),
    [
        ((), "The basket is empty."),
        ((POSTCARD,), "We send nothing worth less than € 5.00."),
        ((MUG,), ""),
    ],
)
def test_an_order_needs_a_basket_that_is_worth_sending(basket: tuple[Item, ...], note: str) -> None:
    checkout = old_checkout(basket)

    assert (checkout.note, checkout.is_order) == (note, not note)


async def test_a_broken_tax_office_fails_the_new_checkout_for_every_basket() -> None:
    office = TaxOffice()
    office.fault = Fault.ERROR

    for basket in ((), (MUG,)):
        with pytest.raises(TaxRateMissingError, match="standard"):
            await new_checkout(basket, office)
