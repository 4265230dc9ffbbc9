"""What the Review tab does: fetch a record, enter a decision, mend a mask, take it back."""

import logging
import time
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from space.canvas.protocol import decode, load_command
from space.contributions import contributor
from space.photos import PhotoHandle
from space.pieces import data_url, png_url, status_html
from space.review import view
from space.review.reviewers import LOCAL, refusal, reviewer
from space.services import Services
from space.store import Record, StoreError, deciding, queue
from space.store.agreement import Agreement, agreement
from space.store.deciding import Fix
from space.visitors import signed_in

_log = logging.getLogger(__name__)
_SHOWN_BY_BROWSERS = ("JPEG", "PNG", "WEBP")
_MANY, _FRESH_SECONDS = 5_000, 30.0
_DONE = {"approved": "Accepted.", "rejected": "Rejected."}


@dataclass(frozen=True)
class Screen:
    """What the tab shows."""

    picture: str
    facts: str
    progress: str
    record_id: str  # empty when there is nothing to decide on
    status: str = ""
    skipped: bool = False  # whether what was skipped can be had again
    undoable: bool = False  # whether the last decision can be taken back
    second: bool | None = None  # whether second opinions are asked for now; None: as before


class Desk:
    """The handlers behind the tab, for whoever asks."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._figures: tuple[float, Agreement] | None = None

    def who(self, request: gr.Request, profile: gr.OAuthProfile | None) -> str:
        """The reviewer's name.

        Raises:
            ValueError: This person may not review; says why.
        """
        name = reviewer(self.services.settings, request, profile)
        if name is None:
            raise ValueError(refusal(self.services.settings, signed_in(request, profile)))
        return name

    def show(self, name: str, second: bool, status: str = "", *, private: bool = False) -> Screen:
        """The next record, or why there is none; private ones only where it is allowed."""
        store = self.services.store
        record = queue.take(store.core, name, second=second, private=private)
        left = queue.left(store.core, name, second=second, private=private)
        progress = view.progress_html(left, self._agreement(), name)
        undoable = deciding.can_undo(store.core, name)
        if record is None:
            empty = view.nothing_html(left, second)
            return Screen(empty, "", progress, "", status, bool(left.skipped), undoable)
        try:
            pair = view.pair_of(store, record)
            shown = view.picture_html(record, pair), view.facts_html(record, pair)
        except (StoreError, OSError) as error:
            _log.warning("review: %s: %s", record.id, error)
            shown = view.damaged_html(record), ""
        return Screen(*shown, progress, record.id, status, undoable=undoable)

    def held(self, name: str, second: bool, *, private: bool = False) -> str:
        """The id of the record that is this reviewer's turn; empty if there is none."""
        record = queue.take(self.services.store.core, name, second=second, private=private)
        return record.id if record else ""

    def _agreement(self) -> Agreement:
        """Figures of review: as they are, or with very many decisions as they were just now.

        They are counted over all decisions, and the next record must not wait for that.
        """
        now, kept = time.monotonic(), self._figures
        if kept and kept[1].reviewed > _MANY and now - kept[0] < _FRESH_SECONDS:
            return kept[1]
        found = agreement(self.services.store.core)
        self._figures = now, found
        return found

    def decide(
        self, name: str, record_id: str, decision: str, second: bool, *, private: bool = False
    ) -> Screen:
        """Enter a decision, then show the next record."""
        self._enter(name, record_id, decision, None)
        return self.show(name, second, status_html("done", _DONE[decision]), private=private)

    def skip(self, name: str, record_id: str, second: bool, *, private: bool = False) -> Screen:
        """Put the record off, then show the next one."""
        queue.skip(self.services.store.core, record_id, name)
        return self.show(name, second, status_html("done", "Skipped."), private=private)

    def unskip(self, name: str, second: bool, *, private: bool = False) -> Screen:
        """Show again what was skipped."""
        queue.unskip(self.services.store.core, name)
        return self.show(name, second, private=private)

    def undo(self, name: str, *, private: bool = False) -> Screen:
        """Take the last decision back and show its record."""
        store = self.services.store
        # A second opinion that was taken back is one that is still missing.
        second = store.get(deciding.undo(store.core, name)).status != "pending"
        said = status_html("done", "Taken back: decide anew.")
        return replace(self.show(name, second, said, private=private), second=second)

    def filled(self, record_id: str) -> str:
        """The record's hole as the app's model fills it, at the size that is shown."""
        services = self.services
        record = services.store.get(record_id)
        pair = view.pair_of(services.store, record)
        result = services.engine.inpaint(services.settings.model, pair.rgb, pair.mask)
        return view.filled_html(record, result.rgb, result.model)

    def to_canvas(self, name: str, record_id: str) -> dict[str, Any]:
        """What makes the canvas show a record's photo with its mask.

        Raises:
            ValueError: Another reviewer has it by now, or has decided on it.
        """
        services = self.services
        record = services.store.get(record_id)
        if not queue.renew(services.store.core, record_id, name):
            raise ValueError(
                "Another reviewer has this record now, or has decided on it. "
                "Reload to get the next one."
            )
        handle, url = self._photo(record)
        mask = services.store.mask(record)
        return load_command(handle, url, mask, record.strategy, review=True)

    def _photo(self, record: Record) -> tuple[PhotoHandle, str]:
        """A record's photo on the shelf, and a picture of it for the browser.

        The picture travels in the message: nothing of it is left in a folder of downloads.
        """
        services = self.services
        path = services.store.core.objects.path("originals", record.image_sha256)
        handle = services.photos.put(path, f"{record.id}.jpg")
        if handle.plain and handle.format in _SHOWN_BY_BROWSERS:
            return handle, data_url(path.read_bytes(), handle.format.lower())
        return handle, png_url(services.photos.decoded(handle).rgb)

    def mend(self, name: str, record_id: str, drawing: object) -> None:
        """Accept a record with the mask that is on the canvas now.

        Raises:
            ValueError: Nothing is drawn, or over another photo.
        """
        drawn = decode(drawing, self.services.photos)
        if drawn.photo.id != self.services.store.get(record_id).image_sha256:
            raise ValueError(
                "Another photo is on the canvas by now. Go back to Review and press Fix again."
            )
        self._enter(name, record_id, "approved", Fix(drawn.mask, drawn.strokes, drawn.strategy))

    def _enter(self, name: str, record_id: str, decision: str, fix: Fix | None) -> None:
        store = self.services.store
        alias = contributor(store, name if name != LOCAL else None)
        deciding.decide(store.core, record_id, name, decision, alias=alias, fix=fix)
