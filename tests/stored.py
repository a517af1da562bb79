"""What lies in the blob store of a test's worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from activities.blob_values import BlobValues
from activities.files import open_store
from arazzo.blobs import is_blob

if TYPE_CHECKING:
    from settings import Settings


async def value_of(settings: Settings, reference: Any) -> Any:
    """Return the value that a reference in a result names."""
    assert is_blob(reference)
    store = open_store(settings.blob_store, settings.state_folder)
    return await BlobValues(store).loaded(reference)
