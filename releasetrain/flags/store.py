"""Load all flags in one look at the database, and keep the last good look on disk."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from django.db import connections
from psycopg.rows import dict_row

from releasetrain.flags.rules import FlagState
from releasetrain.flags.rules.segments import SegmentState
from releasetrain.flags.snapshot import DATABASE, House, Snapshot, build

logger = logging.getLogger(__name__)

SCOPE = "ofrep:"
DJANGO_ONLY = {"context", "cursor_factory", "pool", "prepare_threshold", "server_side_binding"}

ENVIRONMENTS: LiteralString = """
    SELECT e.id, e.slug, coalesce((
        SELECT max(r.number) FROM flags_flagrevision r WHERE r.environment_id = e.id), 0)
    FROM catalog_environment e ORDER BY e.slug
"""
FLAGS: LiteralString = """
    SELECT s.environment_id, f.key, s.enabled, s.killed_at IS NOT NULL AS killed, s.percentage, s.salt,
        s.bucket_version, s.segments, s.overrides, s.rules, s."default", s.prerequisites, f.type, f.variants,
        f.off_variant, f.ramp_variant, f.is_client_visible,
        s.taken_back_at IS NOT NULL AS is_taken_back, coalesce((
            SELECT max(r.number) FROM flags_flagrevision r
            WHERE r.environment_id = s.environment_id AND r.flag_id = s.flag_id), 0) AS revision
    FROM flags_flagenvironment s JOIN flags_flag f ON f.id = s.flag_id
    WHERE f.archived_at IS NULL
"""
SEGMENTS: LiteralString = "SELECT key, conditions, keys FROM flags_segment WHERE removed_at IS NULL"
TOKENS: LiteralString = "SELECT digest, scopes FROM accounts_apitoken WHERE revoked_at IS NULL"
TOKENS_SEEN: LiteralString = """
    SELECT coalesce(md5(string_agg(digest || array_to_string(scopes, ','), ';' ORDER BY id)), '')
    FROM accounts_apitoken WHERE revoked_at IS NULL
"""

Seen = tuple[tuple[tuple[str, int], ...], str]
"""The revision of each environment and a fingerprint of the tokens: what a poll compares."""


def connect_directly() -> psycopg.Connection[Any]:
    """Open a connection of our own to Django's database, past any pool, that notices a dead peer."""
    parameters = {
        name: value
        for name, value in connections["default"].get_connection_params().items()
        if name not in DJANGO_ONLY
    }
    options = f"{parameters.pop('options', '')} -c statement_timeout=10000".strip()
    keep = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 8000}
    return psycopg.connect(**{"connect_timeout": 3, **keep, **parameters}, options=options, autocommit=True)


def load(connection: psycopg.Connection[Any], previous: Mapping[str, Snapshot]) -> tuple[House, Seen]:
    """Read everything that is served, as it stood at one instant, compiling only what differs from before."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        environments = connection.execute(ENVIRONMENTS).fetchall()
        rows = connection.cursor(row_factory=dict_row).execute(FLAGS).fetchall()
        segments = [
            SegmentState(key, tuple(conditions), frozenset(keys))
            for key, conditions, keys in connection.execute(SEGMENTS)
        ]
        granted = connection.execute(TOKENS).fetchall()
        seen = _seen(connection, environments)
    states: dict[int, list[FlagState]] = {}
    for row in rows:
        states.setdefault(row["environment_id"], []).append(FlagState.from_json(row))
    snapshots = {
        slug: build(slug, revision, states.get(pk, ()), DATABASE, previous.get(slug), segments)
        for pk, slug, revision in environments
    }
    tokens = {
        digest: tuple(scope.removeprefix(SCOPE) for scope in scopes if scope.startswith(SCOPE))
        for digest, scopes in granted
    }
    return House(snapshots, tokens, DATABASE), seen


def look(connection: psycopg.Connection[Any]) -> Seen:
    """Read what a poll compares: cheap enough for every second."""
    return _seen(connection, connection.execute(ENVIRONMENTS).fetchall())


def _seen(connection: psycopg.Connection[Any], environments: list[Any]) -> Seen:
    row = connection.execute(TOKENS_SEEN).fetchone()
    return tuple((slug, revision) for _, slug, revision in environments), row[0] if row else ""


def write_file(path: Path, house: House) -> None:
    """Keep a snapshot on disk: readable by us alone, and always either the old one or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(house.as_json(), ensure_ascii=False))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_file(path: Path) -> House | None:
    """Return the last good snapshot; None, with a line in the log, where there is none that can be read."""
    try:
        return House.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning(
            "The snapshot of the flags in %s cannot be read (%s); going on without it.", path, error
        )
        return None
