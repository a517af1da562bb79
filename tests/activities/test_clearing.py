"""Which files of the blob store are old, and what is left when they are removed."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from activities.clearing import old_files, remove
from activities.files import BlobStore, local_store, memory_store
from arazzo.errors import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

RUN = "01a22612-9943-76ee-a149-da1e48ab9420"
OPEN = "01a22612-9943-76ee-a149-da1e48ab9421"
PUT, GIVEN = f"put/{'a' * 64}", f"put/{'b' * 64}"
OURS = [
    f"export/{RUN}/get/1/body",
    f".parts/export/{RUN}/get/1/body",
    f".parts/export/{RUN}/get/1/body.json",
    "try-0123456789abcdef/get/1/body",
    PUT,
]
OPEN_RUNS = [f"export/{OPEN}/get/1/body", f".parts/export/{OPEN}/get/1/body", GIVEN]
OTHERS = ["somebody/elses/file", "put/report.csv", "readme.txt", f"{RUN}/a"]
MONTH_AGO = datetime.now(UTC) - timedelta(days=30)


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """Give a store whose files are 40 days old, but for one."""
    made = local_store(tmp_path / "blobs")
    assert made.folder is not None
    for name in (*OURS, *OPEN_RUNS, *OTHERS, f"young/{RUN}/get/1/body"):
        place = made.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"12345")
        age = 0 if name.startswith("young") else 40 * 86400
        os.utime(place, (time.time() - age,) * 2)
    return made


def test_old_files_of_ours_go_and_all_others_stay(store: BlobStore) -> None:
    """Nothing that is young, that an open run needs, or that has a name that is none of ours."""
    assert store.folder is not None
    found = list(old_files(store, MONTH_AGO, {GIVEN}, {f"export/{OPEN}/"}))
    assert sorted(one.name for one in found) == sorted(OURS)
    assert {one.size for one in found} == {5}
    remove(store, [one.name for one in found])
    left = {str(one.relative_to(store.folder)) for one in store.folder.rglob("*") if one.is_file()}
    assert left == {*OPEN_RUNS, *OTHERS, f"young/{RUN}/get/1/body"}
    assert not (store.folder / f"export/{RUN}").exists()
    assert not (store.folder / "try-0123456789abcdef").exists()
    remove(store, [one.name for one in found])


async def test_a_bucket_is_cleaned_alike() -> None:
    """It has no folders."""
    store = memory_store()
    await store.put(PUT, b"1", "text/csv")
    await store.put("other", b"1", "text/csv")
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert not list(old_files(store, MONTH_AGO, (), ()))
    found = [one.name for one in old_files(store, later, (), ())]
    assert found == [PUT]
    remove(store, found)
    assert not list(old_files(store, later, (), ()))


def test_a_store_that_can_not_be_listed_is_told(store: BlobStore) -> None:
    """With what the store said."""
    assert store.folder is not None
    store.folder.rename(store.folder.parent / "elsewhere")
    (store.folder.parent / "blobs").symlink_to("blobs")
    with pytest.raises(StepFailed, match="can't be listed"):
        list(old_files(store, MONTH_AGO, (), ()))
