"""Saving to and deleting from the dataset, as the page and the HTTP endpoints do it."""

import logging
import threading

from space import forgetting
from space.folders import Folders
from space.forgetting import forget_exports
from space.photos import PhotoShelf
from space.services import Services
from space.store import (
    Receipt,
    Store,
    StoreError,
    Submission,
    SubmissionError,
    traces,
)
from space.store.errors import IndexTroubleError, explained

_log = logging.getLogger(__name__)


def save(services: Services, submission: Submission) -> Receipt:
    """Save a record; its thumbnail is drawn afterwards, beside whatever comes next.

    Raises:
        SubmissionError: It cannot be accepted.
        StoreError: The disk or the index refused.
    """
    receipt = services.store.save(submission)
    threading.Thread(
        target=_draw_thumbnail, args=(services.store, receipt.record_id), daemon=True
    ).start()
    return receipt


def _draw_thumbnail(store: Store, record_id: str) -> None:
    try:
        store.thumbnail(store.get(record_id))
    except (ValueError, StoreError, OSError) as error:  # deleted by now, or drawn when shown
        _log.info("no thumbnail of %s yet: %s", record_id, error)


def delete(store: Store, record_id: str, token: str, photos: PhotoShelf | None = None) -> None:
    """Delete a record, and the copies of its photo and mask among the app's files.

    Args:
        store: Whose record.
        record_id: From its receipt.
        token: From its receipt.
        photos: The photos that pages have open; those of the store's data directory if not given.

    Raises:
        SubmissionError: There is no such record, or the receipt is another's.
        StoreError: The disk or the index refused; the message says whether the record is gone.
    """
    try:
        store.delete(record_id, token, copies=True)
    except SubmissionError:
        if traces.pending(store.core):  # deleted already, perhaps, but not to the end
            forget(store, photos)
        raise
    forget(store, photos)


def on_the_hub(store: Store, hub_dataset: str | None = None) -> str:
    """What becomes of a deleted record on the Hub, as a sentence; empty where there is no dataset.

    Args:
        store: Whose record it was; it knows where records were pushed to.
        hub_dataset: Where the app pushes to.
    """
    try:
        name = store.core.index.meta("hub_dataset") or hub_dataset
    except StoreError:  # it is asked when the record is gone: that must be said all the same
        name = hub_dataset
    if not name:
        return ""
    return (
        f"If it was on {name}, it leaves with the next push; earlier revisions there keep it until "
        "their owner squashes the history."
    )


def forget(store: Store, photos: PhotoShelf | None = None) -> None:
    """Remove the copies of deleted records that are still there, however long ago it was.

    Called with each deletion, when the app starts and while it runs: what a crash cut off, or a
    file that refused to go, is made up for.

    Args:
        store: Whose records.
        photos: The photos that pages have open; those of the store's data directory if not given.

    Raises:
        StoreError: Something refuses to go; it is tried again.
    """
    core = store.core
    shelf = photos or PhotoShelf(Folders(core.data_dir).photos)
    refused: OSError | IndexTroubleError | None = None
    try:
        for found in traces.pending(core):
            try:
                forgetting.forget_record(core, shelf, found)
            except OSError as error:
                refused = refused or error
            else:
                traces.cross_out(core, found.record_id)
    except IndexTroubleError as error:
        refused = error
    if refused is not None:
        said = explained(refused, "remove every copy of its photo yet")
        raise StoreError(f"The record is deleted. {said} The app tries again.") from refused


def undo(services: Services, receipt: Receipt) -> None:
    """Delete a record that was saved a moment ago; its photo may still be open on the canvas.

    Raises:
        SubmissionError: It is deleted already.
        StoreError: The disk or the index refused.
    """
    services.store.delete(receipt.record_id, receipt.token)
    try:
        forget_exports([services.settings.folders.cache])
    except OSError as error:  # the sweeper finds those that are older than the deletion
        _log.warning("a file made for download could not be removed: %s", error)


def contributor(store: Store, username: str | None) -> str:
    """Who saves: a pseudonym for whoever is signed in, `anonymous` for everybody else."""
    return store.pseudonym(username) if username else "anonymous"
