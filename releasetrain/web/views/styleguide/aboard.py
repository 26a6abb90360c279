"""Show what goes together on a departure, and what came after its cut-off."""

from datetime import datetime, timedelta

from releasetrain.panels.shapes import Action, LateLine, LateOffer, LatePasses
from releasetrain.trains.rules.drawing import draw
from releasetrain.trains.rules.graph import Edge
from releasetrain.web.contexts.bundles import Graph, Node
from releasetrain.web.views.styleguide.common import HERE

TITLES = {1: "Book tax lines", 2: "Show prices with tax", 3: "Print tax on invoices"}
BUNDLE = "Tax at checkout"


def graph() -> Graph:
    """Show two changes of a bundle that need a third."""
    edges: list[Edge] = [(2, 1), (3, 1)]
    plane = draw(TITLES, edges, {2: BUNDLE, 3: BUNDLE})
    return Graph(
        nodes=[
            Node(
                pk=box.one,
                url=HERE,
                title=TITLES[box.one],
                line=TITLES[box.one],
                detail="ledger" if box.one == 1 else "payments",
                x=box.x,
                y=box.y,
                bundle="" if box.one == 1 else BUNDLE,
            )
            for box in plane.boxes
        ],
        paths=[line.path for line in plane.lines],
        sentences=[f"“{TITLES[one]}” needs “{TITLES[needed]}”." for one, needed in edges],
        width=plane.width,
        height=plane.height,
    )


def late(now: datetime) -> LatePasses:
    """Show a late pass that waits, and one that was granted."""
    return LatePasses(
        481,
        [
            _line(7, "asked", "Round totals half to even", now),
            _line(6, "granted", "Retry card tokens once", now, granted_by="Maya Chen"),
        ],
    )


def offer(now: datetime) -> LateOffer:
    """Show to the author what became of a late pass."""
    read = Action("read-late", "Read the late pass", HERE, "ticket", "secondary", opens=True)
    line = _line(6, "granted", "Retry card tokens once", now, granted_by="Maya Chen")
    return LateOffer(1841, line, "RT-481", [read])


def _line(pk: int, state: str, title: str, now: datetime, *, granted_by: str = "") -> LateLine:
    return LateLine(
        pk=pk,
        state=state,
        title=title,
        change_url=HERE,
        service="payments",
        version="f3a91c0",
        price=["2 votes are asked for again.", "It makes revision 3 of the manifest."],
        brief="2 votes asked for again",
        reason="Invoices are a cent off since noon.",
        asked_by="Ana Sousa",
        asked_at=now - timedelta(minutes=12),
        granted_by=granted_by,
        use_by=now + timedelta(minutes=30) if granted_by else None,
        url=HERE,
    )
