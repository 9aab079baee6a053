"""Files as people have them: what they are written in is seen in them, not in their names."""

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.benchmarks.benchmark import load_benchmark
from tasks.benchmarks.files import read_file, stem
from tasks.benchmarks.loaded import fingerprint_of
from tasks.benchmarks.question import Question
from warehouse.errors import UserError

Rows = list[dict[str, Any]]
ROWS: Rows = [
    {"id": "a", "question": 'two, "quoted"\nlines; 1\t2', "answer": "5"},
    {"id": "b", "question": "größer", "answer": "x + 1"},
]


def json_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def table(rows: Rows, sign: str = ",", end: str = "\r\n") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), delimiter=sign, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def parquet(rows: Rows, compression: str = "zstd") -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, compression=compression)
    return sink.getvalue()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


FORMS: dict[str, Callable[[Rows], bytes]] = {
    "lines": json_lines,
    "lines with a byte order mark": lambda rows: b"\xef\xbb\xbf" + json_lines(rows),
    "lines that end as on Windows": lambda rows: json_lines(rows).replace(b"\n", b"\r\n"),
    "array": lambda rows: json.dumps(rows).encode(),
    "pretty array": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False).encode(),
    "object of one list": lambda rows: json.dumps({"version": 1, "data": rows}).encode(),
    "pretty object of one list": lambda rows: json.dumps({"data": rows}, indent=1).encode(),
    "commas": table,
    "commas with a byte order mark": lambda rows: b"\xef\xbb\xbf" + table(rows),
    "tabs": lambda rows: table(rows, "\t", "\n"),
    "semicolons": lambda rows: table(rows, ";"),
    "parquet": parquet,
    "gzip of lines": lambda rows: gzip.compress(json_lines(rows)),
    "gzip in two members": lambda rows: b"".join(gzip.compress(json_lines([row])) for row in rows),
    "gzip of commas": lambda rows: gzip.compress(table(rows)),
    "zstandard": lambda rows: zstd(json_lines(rows)),
    "bzip2": lambda rows: bz2.compress(json_lines(rows)),
    "xz": lambda rows: lzma.compress(table(rows)),
}


def read(folder: Path, content: bytes, name: str = "b.bin") -> list[Question]:
    path = folder / name
    path.write_bytes(content)
    return read_file(path).questions


@pytest.mark.parametrize("form", FORMS)
def test_one_benchmark_is_the_same_in_every_form(tmp_path: Path, form: str) -> None:
    assert read(tmp_path, FORMS[form](ROWS)) == read(tmp_path, json_lines(ROWS))


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda text: text.strip() == text and text.strip()
)
LINES = st.lists(TEXT, min_size=1, max_size=3).map("\n".join)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(LINES, TEXT), min_size=1, max_size=5), form=st.sampled_from([*FORMS])
)
def test_whatever_questions_say_they_read_the_same_in_every_form(
    tmp_path: Path, rows: list[tuple[str, str]], form: str
) -> None:
    several = [
        {"id": f"q{place}", "question": question, "answer": answer}
        for place, (question, answer) in enumerate(rows)
        if "####" not in answer
    ]
    if several:
        there = read(tmp_path, FORMS[form](several))
        assert fingerprint_of(there) == fingerprint_of(read(tmp_path, json_lines(several)))


def test_ids_of_rows_without_one_are_those_of_the_lines(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}", "answer": str(n)} for n in range(3)]
    ids = {form: [q.question_id for q in read(tmp_path, FORMS[form](rows))] for form in FORMS}
    assert set(map(tuple, ids.values())) == {("line-1", "line-2", "line-3")}


def sheet(member: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, "x")
    return file.getvalue()


TWO_LISTS = json.dumps({"train": ROWS, "test": ROWS}).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (table(ROWS).decode().encode("utf-16"), "got a text in UTF-16"),
        (table(ROWS).decode().encode("utf-16-le"), "got a text in UTF-16"),
        (json_lines(ROWS).decode().encode("utf-16-be"), "got a text in UTF-16"),
        (sheet("xl/workbook.xml"), r"got a spreadsheet \(xlsx\)"),
        (sheet("test.jsonl"), "got a zip file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>", "got a web page"),
        (b"SQLite format 3\0abc", "got an SQLite database"),
        (gzip.compress(json_lines(ROWS), mtime=0)[:-9], "expected a whole compressed file"),
        (zstd(json_lines(ROWS))[:-9], "expected a whole compressed file"),
        (parquet(ROWS)[:-9], "expected a whole Parquet file"),
        ("question,answer\nq,naïve\n".encode("latin-1"), ":2: expected a text in UTF-8.*iconv"),
        (b"question,answer\nq,5\nr,6,7\n", ":3: expected 2 cells.* got 3"),
        (b'question,answer\n"a\nb",5\nr\n', ":4: expected 2 cells.* got 1"),
        (b'question,answer\n"q,5\n', ":2: expected a row of a table"),
        (b"question,answer,answer\nq,5,6\n", "expected different columns"),
        (b"just some words\nand more\n", "expected JSON Lines, .* got 'just some"),
        (TWO_LISTS, "one JSON object with lists of rows: test, train"),
        (b'{\n "a": 1\n}', "one JSON object with lists of rows: none"),
        (b'[{"question": "q", "answer": "5"}, 7]', ", row 2: expected a JSON object"),
        (b'[{"question": "q"}]', ", row 1: expected a non-empty 'target'"),
        (b'[\n{"question": "q",}\n]', ":2: expected one JSON array"),
        (b'{"question": "q", "answer": "5"},', ":1: expected a JSON object"),
        (b"", "the file has none"),
        (b"question,answer\n", "the file has none"),
    ],
)
def test_what_is_no_benchmark_is_refused_by_name_and_place(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, content)


def test_places_in_a_table_are_lines_of_the_file(tmp_path: Path) -> None:
    content = b'id,question,answer\n1,"two\nlines",5\n\n2,q,\n'
    with pytest.raises(UserError, match=r"b\.bin:5: expected a non-empty 'target'"):
        read(tmp_path, content)


def test_what_parquet_holds_beside_texts_is_read_as_json_would_have_it(tmp_path: Path) -> None:
    rows = {
        "problem_idx": [1, 2],
        "problem": ["p", "q"],
        "answer": [204.0, 7.5],
        "level": [float("nan"), 3.0],
        "picture": [b"\x00", None],
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(rows), sink)
    one, two = read(tmp_path, sink.getvalue())
    assert (one.question_id, one.target, one.level) == ("1", "204", None)
    assert (two.question_id, two.target, two.level) == ("2", "7.5", 3)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("a.jsonl", "a"),
        ("a.v2.csv.gz", "a.v2"),
        ("A.JSON", "A"),
        ("test-00000-of-00001.parquet", "test-00000-of-00001"),
        (".jsonl", ".jsonl"),
        ("a", "a"),
    ],
)
def test_a_name_is_without_what_says_how_it_is_written(name: str, title: str) -> None:
    assert stem(Path(name)) == title


def test_one_content_is_one_benchmark_however_many_questions_are_chosen(tmp_path: Path) -> None:
    rows = [{"id": n, "question": f"q{n}", "answer": str(n)} for n in range(20)]
    first, second = tmp_path / "a" / "test.jsonl", tmp_path / "b" / "test.csv"
    for path, content in ((first, json_lines(rows)), (second, table(rows))):
        path.parent.mkdir()
        path.write_bytes(content)
    whole = load_benchmark(str(first), count=None, seed=0)
    half = load_benchmark(str(second), count=10, seed=1)
    assert whole.content == half.content
    assert whole.fingerprint != half.fingerprint
    first.write_bytes(json_lines(rows[1:]))
    assert load_benchmark(str(first), count=None, seed=0).content != whole.content


def test_one_question_with_two_targets_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": n, "question": "q", "answer": str(n)} for n in range(2)]
    for _ in range(2):
        read(tmp_path, json_lines(rows))
    (line,) = capsys.readouterr().err.splitlines()
    assert "b.bin:2 asks what" in line
    assert "target '1' in place of '0'" in line


def test_a_folder_is_refused_with_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="got the folder"):
        read_file(tmp_path)
