"""Which files of the blob store are old, and what is left when they are removed."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from activities.clearing import Needed, names_in, old_files, removable, remove, stored_value
from activities.files import BlobStore, local_store, memory_store
from arazzo.blobs import VALUE_TYPE
from arazzo.errors import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

RUN = "01a22612-9943-76ee-a149-da1e48ab9420"
OPEN = "01a22612-9943-76ee-a149-da1e48ab9421"
PUT, GIVEN = f"put/{'a' * 64}", f"put/{'b' * 64}"
OURS = [
    f"export/{RUN}/get/1/body",
    f"export/{RUN}/get/1/body#2",
    f".parts/export/{RUN}/get/1/body",
    f".parts/export/{RUN}/get/1/body.json",
    "try-0123456789abcdef/get/1/body",
    PUT,
    f"{PUT}#1",
]
OPEN_RUNS = [f"export/{OPEN}/get/1/body", f".parts/export/{OPEN}/get/1/body", GIVEN]
OTHERS = ["somebody/elses/file", "put/report.csv", "put/report#1", "readme.txt", f"{RUN}/a"]
YOUNG = [f"young/{RUN}/get/1/body", f"young/{RUN}/get/1/body#1"]
MONTH_AGO = datetime.now(UTC) - timedelta(days=30)


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """Give a store whose files are 40 days old, but for the young ones."""
    made = local_store(tmp_path / "blobs")
    assert made.folder is not None
    for name in (*OURS, *OPEN_RUNS, *OTHERS, *YOUNG):
        place = made.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"12345")
        age = 0 if name.startswith("young") else 40 * 86400
        os.utime(place, (time.time() - age,) * 2)
    return made


async def of_open_runs() -> Needed:
    """Return what is needed."""
    return Needed(MONTH_AGO, names={GIVEN}, folders={f"export/{OPEN}"})


async def test_old_files_of_ours_go_and_all_others_stay(store: BlobStore) -> None:
    """Nothing that is young, that an open run needs, or that has a name that is none of ours.

    What a put that was killed has left goes as well, though the store itself never lists it.
    """
    assert store.folder is not None
    found = await removable(store, MONTH_AGO, of_open_runs)
    assert sorted(one.name for one in found) == sorted(OURS)
    assert {one.size for one in found} == {5}
    assert remove(store, found) == found
    left = {str(one.relative_to(store.folder)) for one in store.folder.rglob("*") if one.is_file()}
    assert left == {*OPEN_RUNS, *OTHERS, *YOUNG}
    assert not (store.folder / f"export/{RUN}").exists()
    assert not (store.folder / "try-0123456789abcdef").exists()
    assert remove(store, found) == []


async def test_what_is_needed_by_the_end_of_the_listing_stays(store: BlobStore) -> None:
    """A run may begin while the histories of others are read."""
    seen = [Needed(MONTH_AGO), await of_open_runs()]

    async def look() -> Needed:
        return seen.pop(0)

    found = await removable(store, MONTH_AGO, look)
    assert sorted(one.name for one in found) == sorted(OURS)


async def test_what_was_written_again_since_it_was_listed_stays(store: BlobStore) -> None:
    """As by `durazzo put` of the same file, for a run that is about to begin."""
    assert store.folder is not None
    found = list(old_files(store, MONTH_AGO))
    os.utime(store.folder / PUT)
    removed = {one.name for one in remove(store, found)}
    assert PUT not in removed
    assert GIVEN in removed
    assert (store.folder / PUT).exists()
    bucket = memory_store()
    for name in (PUT, GIVEN):
        await bucket.put(name, b"1", "text/csv")
    listed = list(old_files(bucket, datetime.now(UTC) + timedelta(days=1)))
    earlier = [replace(one, modified=one.modified - timedelta(days=1)) for one in listed[:1]]
    assert remove(bucket, [*earlier, *listed[1:]]) == listed[1:]


async def test_a_bucket_is_cleaned_alike() -> None:
    """It has no folders."""
    store = memory_store()
    await store.put(PUT, b"1", "text/csv")
    await store.put("other", b"1", "text/csv")
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert not list(old_files(store, MONTH_AGO))
    found = list(old_files(store, later))
    assert [one.name for one in found] == [PUT]
    assert remove(store, found) == found
    assert not list(old_files(store, later))
    assert remove(store, found) == []


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        (f"file:///mnt/blobs/{PUT}", {PUT}),
        (f"s3://bucket/prefix/try-0123456789abcdef/{PUT}", {PUT, f"try-0123456789abcdef/{PUT}"}),
        (f"file:///a/{OPEN}/export/{RUN}/get/1/body",
         {f"a/{OPEN}/export/{RUN}/get/1/body", f"export/{RUN}/get/1/body"}),
        ("file:///etc/passwd", set()),
        ("/" * 100_000, set()),
        ("", set()),
    ],
)  # fmt: skip
def test_a_reference_means_every_name_with_which_it_ends(uri: str, names: set[str]) -> None:
    """Workers may see the store below another path; one name too many only keeps a file."""
    assert names_in(uri) == names


async def test_a_value_is_read_by_its_name_wherever_a_worker_saw_it(store: BlobStore) -> None:
    """One that no run can read either holds no reference; a store that fails is told."""
    blob = await store.put("put/value", b'["x"]', VALUE_TYPE)
    seen = replace(blob, uri="file:///elsewhere/put/value").as_json()
    assert await stored_value(store, seen, "put/value") == ["x"]
    broken = await store.put("put/broken", b'["x', VALUE_TYPE)
    for unread in (
        seen,
        broken.as_json(),
        replace(blob, sha256="0" * 64).as_json(),
        replace(blob, size=10**9).as_json(),
        replace(blob, content_type="application/json").as_json(),
        {"$blob": {"uri": 1}},
    ):
        assert await stored_value(store, unread, "put/broken") is None
    assert store.folder is not None
    (store.folder / "put/loop").symlink_to("loop")
    with pytest.raises(StepFailed, match="can't be read"):
        await stored_value(store, seen, "put/loop")


async def test_a_store_that_can_not_be_listed_is_told(store: BlobStore) -> None:
    """With what the store said."""
    assert store.folder is not None
    store.folder.rename(store.folder.parent / "elsewhere")
    (store.folder.parent / "blobs").symlink_to("blobs")
    with pytest.raises(StepFailed, match="can't be listed"):
        await removable(store, MONTH_AGO, of_open_runs)
