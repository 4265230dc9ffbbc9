"""A new record, from what was handed in to what the index and a shard's row are made of."""

import hashlib
import json
import secrets
import time
from typing import Any

from space.store.core import now_microseconds
from space.store.pictures import StoredPicture, hole_fraction
from space.store.records import Submission
from space.store.schema import APP_VERSION, SCHEMA_VERSION


def new_token() -> str:
    """A receipt's token: 192 random bits, in digits that one double click takes whole."""
    return secrets.token_hex(24)


def hash_of(token: str) -> str:
    """What is kept of a receipt's token. It has 192 random bits, so this gives nothing away."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_entry(
    submission: Submission, photo: StoredPicture, mask: bytes, token: str
) -> dict[str, Any]:
    """A new record: every column but the pixels, and what else the index keeps."""
    receipt = hash_of(token)
    extra = {"receipt_sha256": receipt}
    if submission.note.strip():
        extra["note"] = submission.note.strip()
    return {
        "id": f"{int(time.time() * 1000):012x}{secrets.token_hex(8)}",
        "strategy": submission.strategy,
        "strokes": submission.strokes,
        "width": photo.width,
        "height": photo.height,
        "hole_fraction": hole_fraction(submission.mask),
        "image_sha256": photo.sha256,
        "licence": submission.licence,
        "consent": True,
        "contributor": submission.contributor,
        "status": "pending",
        "model": submission.model,
        "app_version": APP_VERSION,
        "created_at": now_microseconds(),
        "schema_version": SCHEMA_VERSION,
        "extra": json.dumps(extra, ensure_ascii=False),
        "mask_sha256": hashlib.sha256(mask).hexdigest(),
        "receipt_sha256": receipt,
        "source_sha256": hashlib.sha256(submission.image_bytes).hexdigest(),
        "source_bytes": len(submission.image_bytes),
        "look": photo.look,
        "image_bytes": len(photo.data),
        "mask_bytes": len(mask),
    }
