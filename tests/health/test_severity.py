import pytest

from releasetrain.health.rules.severity import Severity, level_of, severity_in, severity_of


@pytest.mark.parametrize(
    ("message", "severity"),
    [
        ("2026-11-27 12:00:01,123 ERROR shop.views KeyError: 'tax'", Severity.ERROR),
        ("FATAL: the database system is shutting down", Severity.CRITICAL),
        ("[critical] worker exited", Severity.CRITICAL),
        ('{"level":"warn","msg":"slow"}', Severity.WARNING),
        ("level=error msg=refused", Severity.ERROR),
        ("panic: runtime error: index out of range", Severity.CRITICAL),
        ("java.lang.OutOfMemoryError: Java heap space", Severity.CRITICAL),
        ("WARNING killed by SIGSEGV (core dumped)", Severity.CRITICAL),
        ("an error occurred while being fatal about it", None),
        ("KeyError: 'tax'", None),
    ],
)
def test_a_line_says_how_bad_it_is(message: str, severity: Severity | None) -> None:
    assert severity_in(message) is severity


def test_what_is_said_counts_unless_the_line_is_deadly() -> None:
    assert severity_of("KeyError") is Severity.ERROR
    assert severity_of("KeyError", Severity.WARNING) is Severity.WARNING
    assert severity_of("panic: no", Severity.WARNING) is Severity.CRITICAL
    assert severity_of("WARN slow", Severity.CRITICAL) is Severity.CRITICAL
    assert severity_of("shown the ERROR page", Severity.WARNING) is Severity.WARNING
    assert severity_of("FATAL no disk") is Severity.CRITICAL


def test_levels_are_read_as_loggers_write_them() -> None:
    assert [level_of(name) for name in ("Warn", " FATAL ", "severe", "info", "")] == [
        Severity.WARNING,
        Severity.CRITICAL,
        Severity.ERROR,
        None,
        None,
    ]
