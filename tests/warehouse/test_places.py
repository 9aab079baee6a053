"""A journal's place, in a folder and in an object store: whole objects, each name once."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from warehouse.errors import Gone, UserError
from warehouse.folder import STALE_SECONDS, Folder
from warehouse.places import POINTER, Place, appoint, place_of


@pytest.fixture
def place(address: str, tmp_path: Path) -> Place:
    appoint(tmp_path / "warehouse", address)
    return place_of(tmp_path / "warehouse")


def test_what_was_created_is_read_and_listed_with_its_size(place: Place) -> None:
    assert place.sizes() == {}
    assert place.create("bins/a", b"abc")
    assert place.create("draws/b", b"")
    assert place.read("bins/a") == b"abc"
    assert place.sizes() == {"bins/a": 3, "draws/b": 0}
    assert place.sizes("bins") == {"bins/a": 3}
    assert place.sizes("bin") == {}


def test_a_name_is_made_once_and_never_changed(place: Place) -> None:
    assert place.create("bins/a", b"first")
    assert not place.create("bins/a", b"second")
    assert place.read("bins/a") == b"first"


def test_of_many_writers_of_one_name_one_makes_it(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        for turn in range(5):
            contents = [f"{turn} {writer}".encode() for writer in range(8)]
            name = f"sequence/{turn}"
            made = list(pool.map(lambda content, name=name: place.create(name, content), contents))
            assert made.count(True) == 1
            assert place.read(name) == contents[made.index(True)]


def test_what_is_gone_is_told_and_may_be_removed_again(place: Place) -> None:
    place.create("bins/a", b"abc")
    place.remove("bins/a")
    place.remove("bins/a")
    assert place.sizes() == {}
    with pytest.raises(Gone):
        place.read("bins/a")
    with pytest.raises(Gone):
        place.set_aside("bins/a")


def test_what_is_set_aside_is_kept_but_no_longer_under_its_name(place: Place) -> None:
    place.create("bins/a", b"abc")
    where = place.set_aside("bins/a")
    assert where == f"{place.address}/damaged/bins/a"
    assert "bins/a" not in place.sizes()
    assert place.read("damaged/bins/a") == b"abc"


def test_a_listing_of_many_pages_is_whole(bucket: str, tmp_path: Path) -> None:
    appoint(tmp_path, bucket)
    place = place_of(tmp_path)
    # Put side by side: S3 lists a thousand at a time.
    store = from_url(bucket, client_options={"allow_http": True})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: obstore.put(store, f"bins/{i:04}", b"x"), range(1_203)))
    assert len(place.sizes()) == 1_203


def test_a_half_written_file_is_no_object_and_goes_after_a_day(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    place.create("bins/a", b"abc")
    young, old = (tmp_path / "bins" / f".{name}.partial" for name in ("b", "c"))
    young.write_bytes(b"PAR1")
    old.write_bytes(b"PAR1")
    past = time.time() - STALE_SECONDS - 60
    subprocess.run(["touch", "-d", f"@{past}", str(old)], check=True)
    assert list(place.sizes()) == ["bins/a"]
    place.sweep()
    assert young.exists()
    assert not old.exists()


def test_a_folder_remembers_where_its_journal_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    appoint(tmp_path / "w", f"{shared}/")
    appoint(tmp_path / "w", str(shared))
    assert place_of(tmp_path / "w").address == str(shared)
    assert (tmp_path / "w" / POINTER).read_text() == f"{shared}\n"
    assert place_of(tmp_path / "other").address == str(tmp_path / "other" / "journal")


def test_a_folder_with_a_journal_is_not_given_another(tmp_path: Path) -> None:
    Folder(tmp_path / "journal").create("bins/a", b"abc")
    with pytest.raises(UserError, match=r"it is .*/journal: leave TTC_JOURNAL out"):
        appoint(tmp_path, "/elsewhere")
    appoint(tmp_path / "w", "/first")
    with pytest.raises(UserError, match="but it is /first: leave"):
        appoint(tmp_path / "w", "/second")


@pytest.mark.parametrize(
    "address",
    ["ftp://host/x", "https://host.lan/x", "memory:///x", "relative/path", "s3:/bucket", "s3://"],
)
def test_an_address_that_is_none_is_refused_before_it_is_remembered(
    tmp_path: Path, address: str
) -> None:
    with pytest.raises(UserError, match="set TTC_JOURNAL to one"):
        appoint(tmp_path, address)
    assert not (tmp_path / POINTER).exists()


def test_a_bucket_that_is_not_there_is_told_in_one_sentence(bucket: str, tmp_path: Path) -> None:
    appoint(tmp_path, f"{bucket}-other/prefix")
    place = place_of(tmp_path)
    said = r"Expected to .* in the journal at s3://.*-other/prefix, got: NoSuchBucket \(.*\)\. See"
    with pytest.raises(UserError, match=said):
        place.sizes()
    with pytest.raises(UserError, match=said):
        place.create("bins/a", b"abc")


def test_a_store_that_is_not_there_is_told_within_seconds(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    appoint(tmp_path, bucket)
    place = place_of(tmp_path)
    start = time.monotonic()
    with pytest.raises(UserError, match="See that the bucket is there"):
        place.create("bins/a", b"abc")
    assert time.monotonic() - start < 30


def test_importing_the_warehouse_starts_no_thread() -> None:
    code = "import threading, warehouse.store; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "1"
