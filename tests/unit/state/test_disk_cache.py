"""Parsed documents on disk."""

import sqlite3
from pathlib import Path

from schema.documents import parse
from state.snapshot.disk_cache import NAME, Cache
from state.snapshot.document_cache import DocumentCache

REPLY = "version: 1\nseq: 1\nrequest: 0001-start.yaml\nkind: start\nverdict: accepted\nfuture: {a: [1, 2.5, null]}\n"


def parsed(folder: Path) -> DocumentCache:
    return DocumentCache(cache=Cache(folder / NAME))


def never() -> str:
    raise AssertionError("it was to be known")


def test_a_second_reader_does_not_parse_again_and_keeps_unknown_fields(tmp_path: Path) -> None:
    first = parsed(tmp_path)
    document = first.document("reply", "r.yaml", "b" * 40, lambda: REPLY)
    assert first.cache
    first.cache.flush()
    again = parsed(tmp_path).document("reply", "r.yaml", "b" * 40, never)
    assert again == document == parse("reply", REPLY, "r.yaml")
    assert again.model_extra == {"future": {"a": [1, 2.5, None]}}


def test_other_code_starts_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path / NAME)
    cache.keep("reply", "b" * 40, parse("reply", REPLY, "r.yaml"))
    cache.flush()
    with sqlite3.connect(tmp_path / NAME) as base:
        base.execute("UPDATE reader SET code = 'older'")
    assert Cache(tmp_path / NAME).find("reply", "b" * 40) is None


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"rubbish" * 1000)
    cache = Cache(tmp_path / NAME)
    cache.keep("reply", "b" * 40, parse("reply", REPLY, "r.yaml"))
    cache.flush()
    assert Cache(tmp_path / NAME).find("reply", "b" * 40) is not None


def test_damage_while_it_is_open_means_not_known(tmp_path: Path) -> None:
    cache = Cache(tmp_path / NAME)
    cache.keep("reply", "b" * 40, parse("reply", REPLY, "r.yaml"))
    cache.flush()
    with sqlite3.connect(tmp_path / NAME) as base:
        base.execute("UPDATE packed SET content = 'x'")
    assert cache.find("reply", "b" * 40) is None
    with sqlite3.connect(tmp_path / NAME) as base:
        base.execute("DROP TABLE packed")
    assert cache.find("reply", "b" * 40) is None


def test_where_nothing_can_be_written_everything_is_parsed(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "no such folder" / NAME)
    cache.keep("reply", "b" * 40, parse("reply", REPLY, "r.yaml"))
    cache.flush()
    assert cache.find("reply", "b" * 40) is None
