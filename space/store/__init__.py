"""The dataset store: photos and masks saved with consent, readable by `datasets` at once."""

from space.store.errors import StoreError, SubmissionError
from space.store.records import Filters, Receipt, Record, Submission
from space.store.schema import CONSENT_SENTENCE, DRAWN, LICENCES, STATUSES
from space.store.store import Store

__all__ = [
    "CONSENT_SENTENCE",
    "DRAWN",
    "LICENCES",
    "STATUSES",
    "Filters",
    "Receipt",
    "Record",
    "Store",
    "StoreError",
    "Submission",
    "SubmissionError",
]
