"""What the shoppers saw is kept by the second, and asked for since any instant."""

from pathlib import Path

from releasetrain.demo.diary import LARGEST, LINE, Book, Seen
from releasetrain.demo.shoppers import Diary


def test_what_was_lost_is_counted_from_an_instant_on(tmp_path: Path) -> None:
    book = Book(tmp_path / "shoppers.log")
    assert (book.newest(), book.since(0)) == (None, None)
    for second in range(1, 200):
        counts = {"asked": 60 * second, "failed": second // 100, "slow": second // 50}
        book.write(1000 + second, counts)
    assert book.newest() == Seen(1199, 11940, 1, 0, 3)
    assert book.since(1150.7) == Seen(1150, 49 * 60, 0, 0, 0)
    assert book.since(1090) == Seen(1090, 109 * 60, 1, 0, 2)
    assert book.since(5) == Seen(1001, 198 * 60, 1, 0, 3)
    assert book.since(10**9) == Seen(1199)


def test_a_large_book_is_begun_anew_and_goes_on_counting(tmp_path: Path) -> None:
    book = Book(tmp_path / "shoppers.log")
    book.path.write_text((" " * (LINE - 1) + "\n") * (LARGEST // LINE + 1))
    book.write(5, {"asked": 7})
    assert book.since(0) == Seen(5)


def test_shoppers_who_come_back_go_on_from_where_they_were() -> None:
    diary = Diary()
    diary.go_on_from(Seen(1, asked=100, failed=2))
    diary.note_silence()
    diary.note(1, version="old", status=503, seconds=0)  # the shop is not open yet
    diary.note(1, version="old", status=200, seconds=0)
    diary.note(1, version="new", status=500, seconds=2)
    diary.note_silence()
    assert dict(diary.total) == {"asked": 103, "failed": 3, "unanswered": 1, "slow": 1}
