from pathlib import Path

from releasetrain.processes import logs
from releasetrain.processes.logs import Log, Prefixes


def test_the_tail_shows_the_present_run_only(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("an older run\n")
    log = Log(path)
    log.begin_run()
    with path.open("a") as file:
        file.writelines(f"line {number}\n\n" for number in range(30))
    assert log.tail() == [f"line {number}" for number in range(30 - logs.TAIL_LINES, 30)]


def test_new_lines_come_once_and_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    log = Log(path)
    with path.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert log.new_lines() == ["one"]
        file.write("o\n")
        file.flush()
        assert log.new_lines() == ["two"]
    assert log.new_lines() == []


def test_a_large_log_is_moved_aside_and_the_process_writes_on(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    log = Log(path)
    with path.open("ab") as process:
        process.write(b"x" * logs.LARGEST + b"\n")
        process.flush()
        log.keep_small()
        process.write(b"afterwards\n")
        process.flush()
    assert path.read_text() == "afterwards\n"
    assert log.new_lines() == ["afterwards"]
    assert path.with_suffix(".log.1").stat().st_size == logs.LARGEST + 1


def test_prefixes_line_up_and_leave_colour_to_terminals() -> None:
    assert Prefixes(["web", "stream"], coloured=False).line("web", "\033[31mred\033[0m") == "web    | red"
    assert Prefixes(["web"], coloured=True).line("web", "\033[31mred").endswith("m \033[31mred") is False
    assert "\033[" in Prefixes(["web"], coloured=True).line("web", "plain")
