"""Templates keep what the strict policy and the socket need: nothing inline, one root, every part on show."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from releasetrain.web.views.styleguide import board, context, rollouts
from tests import make

ROOT = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(ROOT.rglob("*.html"))
NOUNS = ("board", "trains", "departures", "rollouts", "changes", "audit", "notices", "teams")
FRAGMENTS = [path for noun in NOUNS for path in sorted((ROOT / noun).glob("_*.html"))]
VOID = {"br", "circle", "hr", "img", "input", "link", "meta", "path", "rect"}
names = [str(path.relative_to(ROOT)) for path in TEMPLATES]


class Roots(HTMLParser):
    """Count the elements that stand in no other."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = self.roots = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.roots += self.depth == 0
        self.depth += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.roots += self.depth == 0

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag not in VOID


@pytest.mark.parametrize("name", names)
def test_nothing_is_inline_that_the_policy_would_block(name: str) -> None:
    source = (ROOT / name).read_text()
    assert not re.search(r"\sstyle=|<style|\shx-on|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", source)


@pytest.mark.parametrize("name", names)
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    assert not re.search(r'(src|href)="(https?:)?//', (ROOT / name).read_text())


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_fragment_says_what_it_is_drawn_from_and_has_one_root_with_an_id(path: Path) -> None:
    assert path.read_text().startswith("{% comment %}")
    page = rollouts.live_page(make.NOW)
    extra = {
        "row": board.board(make.NOW).groups[0].rows[0],
        "rollout": page.rollouts[0],
        "page": page,
        "id": "guide",
    }
    drawn = render_to_string(f"{path.parent.name}/{path.name}", {**context(make.NOW), **extra}).strip()
    roots = Roots()
    roots.feed(drawn)
    assert (roots.roots, roots.depth) == (1, 0)
    assert path.name == "_empty.html" or re.match(r"<[^>]* id=\"[a-z0-9-]+\"", drawn)


def test_every_part_is_used_and_shown_on_the_styleguide() -> None:
    included = {path: set(re.findall(r'include "([^"]+)"', path.read_text())) for path in TEMPLATES}
    shown, frontier = set[str](), {"styleguide.html", "base.html"}
    while frontier:
        shown |= frontier
        frontier = {name for part in frontier for name in included[ROOT / part]} - shown
    parts = {str(path.relative_to(ROOT)) for path in (ROOT / "components").glob("*.html")}
    assert parts - shown - {"components/chart.html"} == set()


def test_scripts_need_no_eval_and_no_other_host() -> None:
    for path in (Path(settings.BASE_DIR) / "static" / "js").glob("*.js"):
        assert not re.search(r"\beval\(|new Function|https?://(?!www\.w3\.org)", path.read_text()), path


def test_no_control_takes_the_place_of_a_property_of_its_form() -> None:
    """A button named “remove” inside a form hides form.remove(), and whoever swaps the form fails."""
    taken = re.compile(r'name="(remove|submit|reset|action|method|children|parentNode|id|closest|matches)"')
    found = [f"{path.name}: {name}" for path in TEMPLATES for name in taken.findall(path.read_text())]
    assert found == []
