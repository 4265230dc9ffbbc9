"""Saving to and deleting from the dataset, as the page and the HTTP endpoints do it."""

import hashlib
import logging
import os
import threading
from pathlib import Path

from space.services import Services
from space.settings import Settings
from space.store import Receipt, Record, Store, StoreError, Submission

_log = logging.getLogger(__name__)
EXPORT_PREFIX = "saved-masks-"
_LOCAL = (None, "127.0.0.1", "localhost", "::1")


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


def delete(services: Services, record_id: str, token: str) -> None:
    """Delete a record, and the copies of its photo among the app's kept and uploaded files.

    Raises:
        SubmissionError: There is no such record, or the receipt is another's.
        StoreError: The disk or the index refused.
    """
    record = services.store.delete(record_id, token)
    if not services.store.core.objects.path("originals", record.image_sha256).exists():
        forget_copies(services.settings.cache_dir, record)  # no other mask is on this photo
        services.photos.forget(record.image_sha256)  # a reviewer may have had it on the canvas
    forget_exports(services.settings.cache_dir)
    forget_run_pictures(services.settings.data_dir / "runs")


def undo(services: Services, receipt: Receipt) -> None:
    """Delete a record that was saved a moment ago; its photo may still be open on the canvas.

    Raises:
        SubmissionError: It is deleted already.
        StoreError: The disk or the index refused.
    """
    services.store.delete(receipt.record_id, receipt.token)
    forget_exports(services.settings.cache_dir)


def forget_exports(folder: Path) -> None:
    """Remove the files that were made for download: they may hold what has been deleted."""
    for path in folder.rglob(f"{EXPORT_PREFIX}*"):
        path.unlink(missing_ok=True)


def forget_run_pictures(folder: Path) -> None:
    """Remove the pictures of training runs: a photo that was held out may be the deleted one."""
    for path in (*folder.glob("*/samples/*.png"), *folder.glob("*/before-after.png")):
        path.unlink(missing_ok=True)


def forget_copies(folder: Path, record: Record) -> None:
    """Remove every file below a folder that has the bytes of a record's photo as it was sent."""
    if not record.source_sha256 or not folder.is_dir():
        return
    for path in folder.rglob("*"):
        try:
            if not path.is_file() or path.stat().st_size != record.source_bytes:
                continue
            if hashlib.sha256(path.read_bytes()).hexdigest() == record.source_sha256:
                path.unlink()
        except OSError as error:
            _log.warning("a copy of a deleted photo could not be looked at: %s", error)


def contributor(store: Store, username: str | None) -> str:
    """Who saves: a pseudonym for whoever is signed in, `anonymous` for everybody else."""
    return store.pseudonym(username) if username else "anonymous"


def shows_private(settings: Settings) -> bool:
    """Whether the page may show private records: only where it is served to this machine alone."""
    elsewhere = os.environ.get("GRADIO_SERVER_NAME") not in _LOCAL or "SPACE_ID" in os.environ
    return settings.host in _LOCAL and not settings.share and not elsewhere
