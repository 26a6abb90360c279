"""The record of past trains is loaded once, whole, and its bad lines are named."""

import filecmp
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid
from releasetrain.trains import queries
from releasetrain.trains.actions import Imported, import_history
from releasetrain.trains.models import Departure, Movement, Train
from tests import make

pytestmark = pytest.mark.django_db
OURS = Path(__file__).parents[2] / "releasetrain" / "demo" / "history"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "trains"
FILES = ("wikimedia_trains.csv", "wikimedia_train_events.csv")


def load(folder: Path = OURS) -> Imported:
    return import_history(folder, by=None, now=make.NOW)


def test_the_real_trains_are_529_past_departures_with_2496_movements() -> None:
    done = load()
    assert (done.departures, done.movements, done.flaws) == (529, 2496, ())
    assert Departure.objects.count() == 529
    assert Movement.objects.count() == 2496
    assert done.alone == Movement.objects.filter(departure__isnull=True).count() == 48
    states = Counter(Departure.objects.values_list("state", flat=True))
    assert states == {"arrived": 480, "rolled_back": 42, "cancelled": 7}


def test_the_record_is_one_event_and_the_same_again_is_none() -> None:
    load()
    again = load()
    assert (again.new_departures, again.new_movements) == (0, 0)
    assert (Departure.objects.count(), Movement.objects.count()) == (529, 2496)
    [event] = Event.objects.all()
    assert (event.kind, event.data["departures"], event.data["movements"]) == (
        "trains.history.imported",
        529,
        2496,
    )


def test_each_train_says_how_it_went() -> None:
    load()
    rolled = Departure.objects.get(label="1.47.0-wmf.15")
    assert (rolled.state, rolled.outcome) == ("arrived", "Reached everybody after 2 rollbacks.")
    assert str(rolled.finished_at) == "2026-08-13 18:08:10+00:00"
    assert [one.kind for one in rolled.movements.filter(kind="rollback")] == ["rollback"] * 2
    back = rolled.movements.filter(kind="rollback")[0]
    assert (back.from_version, back.to_version, back.from_reach) == ("1.47.0-wmf.15", "", "group0")


def test_nothing_departs_from_the_record() -> None:
    train = load().train
    assert queries.next_dates(train, make.NOW) == []
    assert queries.schedule_in_words(train) == "every Tuesday at 03:00 UTC, until 2026-08-20"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not beside this checkout")
def test_the_copy_kept_here_is_the_record() -> None:
    assert filecmp.cmpfiles(OURS, SHARED, FILES, shallow=False) == (list(FILES), [], [])


def test_bad_lines_are_named_and_the_rest_is_loaded(tmp_path: Path) -> None:
    (tmp_path / FILES[0]).write_text("version,task\n1.0,\n1.0,\n2.0,T1\n,\n3.0\n")
    (tmp_path / FILES[1]).write_bytes(
        b"version,utc,kind,from_stage,to_stage,config_commit\n"
        b"1.0,2020-01-01T00:00:00Z,promote,none,group2,aaa\n"
        b"1.0,soon,promote,none,group2,bbb\n"
        b"2.0,2020-01-01T00:00:00Z,promote,none,group2,ccc\n"
        b"9.9,2020-01-02T00:00:00Z,promote,none,group2,\xff\xfe\n"
    )
    done = load(tmp_path)
    assert [(name, flaw.line) for name, flaw in done.flaws] == [
        (FILES[0], 3),
        (FILES[0], 5),
        (FILES[0], 4),
        (FILES[0], 6),
        (FILES[1], 3),
    ]
    assert list(Departure.objects.values_list("label", flat=True)) == ["1.0"]


def test_a_record_that_grew_brings_its_trains_up_to_date(tmp_path: Path) -> None:
    (tmp_path / FILES[0]).write_text("version,task\n1.0,\n")
    events = "version,utc,kind,from_stage,to_stage,config_commit\n"
    events += "1.0,2020-01-01T00:00:00Z,promote,none,group1,aaa\n"
    (tmp_path / FILES[1]).write_text(events)
    load(tmp_path)
    assert Departure.objects.get().state == "cancelled"
    (tmp_path / FILES[1]).write_text(events + "1.0,2020-01-02T00:00:00Z,promote,group1,group2,bbb\n")
    load(tmp_path)
    assert (Departure.objects.get().state, Movement.objects.count()) == ("arrived", 2)


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2\n", "version\n1.0\n"])
def test_a_folder_that_holds_no_record_is_refused_in_a_sentence(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        for name in FILES:
            (tmp_path / name).write_text(content)
    with pytest.raises(Invalid, match=r"cannot be read|lacks the column"):
        load(tmp_path)
    assert not Train.objects.exists()


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    call_command("import_history", OURS, stdout=out, stderr=err)
    assert "MediaWiki: 529 departures (529 new) and 2496 movements (2496 new)" in out.getvalue()
    assert "48 of the movements" in out.getvalue()
    assert err.getvalue() == ""
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("import_history", tmp_path / "nowhere")


def test_the_command_names_the_lines_that_it_left_out(tmp_path: Path) -> None:
    (tmp_path / FILES[0]).write_text("version,task\n" + ",\n" * 30)
    (tmp_path / FILES[1]).write_text("version,utc,kind,from_stage,to_stage,config_commit\n")
    err = StringIO()
    call_command("import_history", tmp_path, stdout=StringIO(), stderr=err)
    assert "wikimedia_trains.csv, line 2: The column version is empty. It was left out." in err.getvalue()
    assert "and 10 more lines" in err.getvalue()
