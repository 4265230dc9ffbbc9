"""The published columns, and the values that may stand in them.

This is the contract with everyone who reads the dataset: names, order and types are fixed for a
schema version. `extra` is the valve: a JSON object for whatever a later version wants to say
without a new column, since shards with different columns cannot be loaded together.
"""

from datasets import Features, Image, Value

SCHEMA_VERSION = 1
APP_VERSION = "0.1.0"

LICENCES = ("cc0-1.0", "cc-by-4.0", "private")
STATUSES = ("pending", "approved", "rejected")
PRIVATE = "private"  # the licence under which a record never leaves the data directory
DRAWN = "drawn"  # the strategy of masks made by hand

FEATURES = Features(
    {
        "id": Value("string"),
        "image": Image(),
        "mask": Image(mode="L"),
        "strategy": Value("string"),
        "strokes": Value("string"),
        "width": Value("int32"),
        "height": Value("int32"),
        "hole_fraction": Value("float32"),
        "image_sha256": Value("string"),
        "licence": Value("string"),
        "consent": Value("bool"),
        "contributor": Value("string"),
        "status": Value("string"),
        "model": Value("string"),
        "app_version": Value("string"),
        "created_at": Value("timestamp[us, tz=UTC]"),
        "schema_version": Value("int32"),
        "extra": Value("string"),
    }
)

# What the index holds of a record, in the order of its columns: everything but the pixels.
SCALARS = tuple(name for name in FEATURES if name not in ("image", "mask", "strokes"))

CONSENT_SENTENCE = "This photo and this mask will be stored and may be used to train models."
