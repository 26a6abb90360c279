"""Draw the shop's one page; it has no script and asks nobody else for anything."""

from collections.abc import Iterable
from decimal import Decimal
from html import escape
from urllib.parse import quote

from releasetrain.demo.shop import Checkout, Version

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
NAMES = {Version.OLD: "old checkout", Version.NEW: "new checkout"}

CSS = """\
:root { color-scheme: light dark; --edge: light-dark(#cfd4da, #3a4048); --soft: light-dark(#f4f5f7, #1d2126);
  --new: light-dark(#0b5fa5, #7db8ee); --bad: light-dark(#a11d1d, #ff9a8f); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 40rem; font: 1rem/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
  background: light-dark(#fff, #14171a); color: light-dark(#1a1d21, #e6e8ea); }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 0; }
section { border: 1px solid var(--edge); border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
section.new { border-color: var(--new); border-width: 2px; }
section.failed { border-color: var(--bad); border-width: 2px; }
.badge { float: right; border: 1px solid currentColor; border-radius: 1rem;
  padding: 0 .6rem; font-size: .85rem; }
.new .badge { color: var(--new); font-weight: 600; }
.failed .badge, .failed strong { color: var(--bad); }
table { width: 100%; border-collapse: collapse; margin-top: .75rem; }
th { text-align: start; font-weight: 400; }
td { text-align: end; }
th, td { padding: .15rem 0; }
tr.total > * { border-top: 1px solid var(--edge); font-weight: 600; padding-top: .4rem; }
tr.tax { color: light-dark(#545b64, #a9b0b8); font-size: .9rem; }
meter { width: 100%; height: 1rem; }
a { color: var(--new); }
input, button { font: inherit; padding: .35rem .6rem; border-radius: .35rem; border: 1px solid var(--edge);
  background: var(--soft); color: inherit; }
:focus-visible { outline: 2px solid var(--new); outline-offset: 2px; }
"""


def page(*, user: str, checkout: Checkout | None, old: int, new: int, new_shoppers: Iterable[str]) -> str:
    """Draw what one shopper gets, and how many get the new checkout; a checkout that failed is None."""
    box = _checkout(checkout) if checkout else _failed()
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Corner Shop</title><link rel="stylesheet" href="/style.css"></head><body>'
        f"<h1>Corner Shop</h1><p>You are <strong>{escape(user)}</strong>.</p>{box}"
        f"{_shares(old, new)}{_others(user, new_shoppers)}</body></html>"
    )


def euros(amount: Decimal) -> str:
    return f"€ {amount:,.2f}"


def _checkout(checkout: Checkout) -> str:
    items = "".join(_row(item.name, euros(item.price)) for item in checkout.items)
    taxes = "".join(
        _row(f"{tax.rate} rate, {tax.percent} % on {euros(tax.net)}", euros(tax.amount), "tax")
        for tax in checkout.taxes
    )
    total = _row("Total", euros(checkout.total), "total")
    note = f"<p>{escape(checkout.note)}</p>" if checkout.note else ""
    return (
        f'<section class="{checkout.version}" aria-labelledby="checkout">'
        f'<span class="badge">{NAMES[checkout.version]}</span>'
        f'<h2 id="checkout">Your basket</h2><table>{items}{total}{taxes}</table>{note}</section>'
    )


def _failed() -> str:
    return (
        '<section class="failed" aria-labelledby="checkout">'
        f'<span class="badge">{NAMES[Version.NEW]}</span><h2 id="checkout">Your basket</h2>'
        "<p><strong>Something went wrong at the till.</strong> Nothing was charged. Please try again.</p>"
        "</section>"
    )


def _row(name: str, amount: str, kind: str = "") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<tr{of_kind}><th scope="row">{escape(name)}</th><td>{amount}</td></tr>'


def _shares(old: int, new: int) -> str:
    everybody = old + new
    share = f"{100 * new / everybody:.0f} %" if everybody else "nobody has been here"
    return (
        '<section aria-labelledby="shares"><h2 id="shares">Who gets the new checkout?</h2>'
        f"<p>In the last ten seconds {new} of {everybody} shoppers: {share}.</p>"
        f'<meter min="0" max="{max(everybody, 1)}" value="{new}" aria-labelledby="shares"></meter></section>'
    )


def _others(user: str, new_shoppers: Iterable[str]) -> str:
    links = ", ".join(
        f'<a href="/?user={quote(one)}">{escape(one)}</a>' for one in new_shoppers if one != user
    )
    lately = f"<p>Lately on the new checkout: {links}.</p>" if links else ""
    return (
        '<section aria-labelledby="others"><h2 id="others">Be somebody else</h2>'
        '<form action="/" method="get"><label for="user">Shopper</label> '
        f'<input id="user" name="user" maxlength="100" required value="{escape(user, quote=True)}"> '
        f"<button>Go shopping</button></form>{lately}</section>"
    )
