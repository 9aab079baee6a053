"""What documents promise and code cites: sections, links, files, dates and words that are there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tasks.settings import ROOT

ROOMS = ("flows", "tasks", "warehouse", "tests", "infra")
KINDS = {".py", ".sql", ".toml", ".md"}
CITABLE = {"METHOD": "infra/METHOD.md", "ARCHITECTURE": "infra/ARCHITECTURE.md"}
DOCUMENTS = ["README.md", *(f"infra/{path.name}" for path in sorted((ROOT / "infra").glob("*.md")))]

# A letter is a point only where nothing follows it that makes it a word: `§6 a`, not `§6 a priori`.
SECTION = r"\d+(?:\.\d+)?(?: [a-d](?![\w'’-])(?! \w))?"
CITATION = re.compile(rf"\b([A-Z]{{4,}}) (?:§|section )({SECTION}(?:, (?:§|section ){SECTION})*)")
BARE = re.compile(rf"§({SECTION})")
FILE = re.compile(rf"(?<![\w/.-])((?:{'|'.join(ROOMS)})/[\w./-]*)")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
ENTRY = re.compile(r"## (\d{4}-\d\d-\d\d) · (.+)")


def cited(text: str) -> set[tuple[str, str]]:
    """(document, section) of every citation; one citation may name several sections."""
    return {
        (name, section)
        for name, sections in CITATION.findall(" ".join(text.split()))
        for section in re.findall(SECTION, sections)
    }


def sections(text: str) -> set[str]:
    """Numbers of the headings of a document, and its lettered points as `6 a`."""
    found: set[str] = set()
    number = ""
    for line in text.splitlines():
        if heading := re.match(r"#{2,3} (\d+(?:\.\d+)?)\.? ", line):
            number = heading[1]
            found.add(number)
        elif line.startswith("#"):
            number = ""
        elif point := re.match(r"- \(([a-d])\) ", line):
            found.add(f"{number} {point[1]}")
    return found


def missing_sections(text: str, documents: dict[str, str]) -> list[str]:
    """Citations in a text that none of the documents answers."""
    return sorted(
        f"{name} §{section}"
        for name, section in cited(text)
        if section not in sections(documents.get(name, ""))
    )


def missing_files(text: str, folder: Path) -> list[str]:
    """Links relative to a folder, and paths from the repository's root, to nothing."""
    links = [name for name in LINK.findall(text) if not (folder / name).exists()]
    named = [name.rstrip(".-") for name in FILE.findall(text)]
    return sorted({*links, *(name for name in named if not (ROOT / name).exists())})


def without_additions(text: str) -> str:
    """A text but for what its recipes add: blocks of code, and lines that name a (new) file."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^`[^`]+` \(new\)$", "", text, flags=re.MULTILINE)


def misplaced(log: str) -> list[str]:
    """Entries of a log without a date, dated later than the one above, or superseded by none."""
    headings = [line for line in log.splitlines() if line.startswith("## ")]
    entries = [ENTRY.fullmatch(line) for line in headings]
    wrong = [line for line, entry in zip(headings, entries, strict=True) if entry is None]
    dated = [entry for entry in entries if entry]
    wrong += [below[0] for above, below in pairwise(dated) if below[1] > above[1]]
    titles = {entry[2] for entry in dated}
    for entry in dated:
        replaced = re.search(r"\(superseded by (.+)\)$", entry[2])
        wrong += [entry[0]] if replaced and replaced[1] not in titles else []
    return wrong


def glossary(text: str) -> list[str]:
    """The words that a glossary's table defines, in its order."""
    _, _, table = text.partition("\n## Glossary\n")
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    return rows[2:]


def twice(words: Iterable[str]) -> list[str]:
    """Words that come more than once."""
    return sorted(word for word, count in Counter(words).items() if count > 1)


def sources() -> Iterator[Path]:
    """Every file that may cite a document; this one cites sections that do not exist."""
    yield ROOT / "README.md"
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in KINDS and path != Path(__file__):
                yield path


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


MADE_UP = """# The method
## 1. First
## 6. Sixth
- (a) Other draws.
### 11.2 Second of the eleventh
"""


def test_headings_and_lettered_points_are_sections() -> None:
    assert sections(MADE_UP) == {"1", "6", "6 a", "11.2"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(METHOD §1)", []),
        ("(METHOD §6 a, §1, §11.2; FIELD §3)", ["FIELD §3"]),
        ("METHOD section 7", ["METHOD §7"]),
        ("(METHOD §6 c)", ["METHOD §6 c"]),
        ("one line (METHOD\n    §1, §9)", ["METHOD §9"]),
        ("METHOD §11.3 says so", ["METHOD §11.3"]),
        ("METHOD §6 a priori", []),
        ("a METHOD of its own, §9", []),
    ],
)
def test_a_citation_of_a_missing_section_is_found(text: str, wanted: list[str]) -> None:
    assert missing_sections(text, {"METHOD": MADE_UP}) == wanted


def test_every_cited_section_is_in_its_document() -> None:
    documents = {name: read(path) for name, path in CITABLE.items()}
    missing = {
        str(path.relative_to(ROOT)): found
        for path in sources()
        if (found := missing_sections(path.read_text(encoding="utf-8"), documents))
    }
    assert missing == {}


@pytest.mark.parametrize("name", CITABLE)
def test_a_document_refers_to_sections_of_its_own(name: str) -> None:
    text = CITATION.sub("", " ".join(read(CITABLE[name]).split()))
    assert set(BARE.findall(text)) <= sections(read(CITABLE[name]))


def test_a_link_or_path_to_nothing_is_found() -> None:
    text = "[a](METHOD.md) [b](no.md) [c](https://a.b/c) `tasks/nothing.py` and tasks/engines/, ok."
    assert missing_files(text, ROOT / "infra") == ["no.md", "tasks/nothing.py"]


def test_only_what_a_recipe_adds_may_be_missing() -> None:
    text = "`tasks/a.py` (new)\n\n```python\ntasks/b.py\n```\n\n`tasks/c.py` (at the end, add)\n"
    assert missing_files(without_additions(text), ROOT) == ["tasks/c.py"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_and_path_of_a_document_leads_somewhere(name: str) -> None:
    text = without_additions(read(name)) if name == "infra/CONTRIBUTING.md" else read(name)
    assert missing_files(text, (ROOT / name).parent) == []


def test_a_misplaced_log_entry_is_found() -> None:
    log = """# Log
## 2026-11-21 · B
## 2026-11-22 · A
## C
## 2026-11-20 · D (superseded by B)
## 2026-11-20 · E (superseded by F)
"""
    assert misplaced(log) == [
        "## C",
        "## 2026-11-22 · A",
        "## 2026-11-20 · E (superseded by F)",
    ]


def test_log_entries_are_dated_and_newest_first() -> None:
    log = read("infra/LOG.md")
    assert log.startswith("# Log: decisions and experiments, negative results too\n")
    assert ENTRY.search(log)
    assert misplaced(log) == []


def test_a_word_that_is_defined_twice_is_found() -> None:
    text = "\n## Glossary\n| word | means |\n| --- | --- |\n| a | 1 |\n| b | 2 |\n| a | 3 |\n"
    assert twice(glossary(text)) == ["a"]


def test_the_glossary_defines_no_word_twice() -> None:
    words = glossary(read("infra/METHOD.md"))
    assert {"question", "verdict", "conclusion", "alarm", "family", "level"} <= set(words)
    assert twice(words) == []
