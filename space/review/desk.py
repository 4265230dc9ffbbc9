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
from space.review.reviewers import refusal
from space.services import Services
from space.store import Record, StoreError, deciding, queue
from space.store.agreement import Agreement, agreement
from space.store.deciding import Fix
from space.visitors import Visitor, visitor

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

    def who(self, request: gr.Request, profile: gr.OAuthProfile | None) -> Visitor:
        """The reviewer who asks.

        Raises:
            ValueError: This person may not review; says why.
        """
        found = visitor(self.services.settings, request, profile)
        if not found.reviewer:
            raise ValueError(refusal(self.services.settings, found.name))
        return found

    def show(self, who: Visitor, second: bool, status: str = "") -> Screen:
        """The next record, or why there is none; private ones only at the machine itself."""
        store = self.services.store
        name = who.known_as
        record = queue.take(store.core, name, second=second, private=who.local)
        left = queue.left(store.core, name, second=second, private=who.local)
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

    def held(self, who: Visitor, second: bool) -> str:
        """The id of the record that is this reviewer's turn; empty if there is none."""
        core, name = self.services.store.core, who.known_as
        record = queue.take(core, name, second=second, private=who.local)
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

    def decide(self, who: Visitor, record_id: str, decision: str, second: bool) -> Screen:
        """Enter a decision, then show the next record."""
        self._enter(who, record_id, decision, None)
        return self.show(who, second, status_html("done", _DONE[decision]))

    def skip(self, who: Visitor, record_id: str, second: bool) -> Screen:
        """Put the record off, then show the next one."""
        queue.skip(self.services.store.core, record_id, who.known_as)
        return self.show(who, second, status_html("done", "Skipped."))

    def unskip(self, who: Visitor, second: bool) -> Screen:
        """Show again what was skipped."""
        queue.unskip(self.services.store.core, who.known_as)
        return self.show(who, second)

    def undo(self, who: Visitor) -> Screen:
        """Take the last decision back and show its record."""
        store = self.services.store
        # A second opinion that was taken back is one that is still missing.
        second = store.get(deciding.undo(store.core, who.known_as)).status != "pending"
        said = status_html("done", "Taken back: decide anew.")
        return replace(self.show(who, second, said), second=second)

    def filled(self, record_id: str) -> str:
        """The record's hole as the app's model fills it, at the size that is shown."""
        services = self.services
        record = services.store.get(record_id)
        pair = view.pair_of(services.store, record)
        result = services.engine.inpaint(services.settings.model, pair.rgb, pair.mask)
        return view.filled_html(record, result.rgb, result.model)

    def to_canvas(self, who: Visitor, record_id: str) -> dict[str, Any]:
        """What makes the canvas show a record's photo with its mask.

        Raises:
            ValueError: Another reviewer has it by now, or has decided on it.
        """
        services = self.services
        record = services.store.get(record_id)
        if not queue.renew(services.store.core, record_id, who.known_as):
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

    def mend(self, who: Visitor, record_id: str, drawing: object) -> None:
        """Accept a record with the mask that is on the canvas now.

        Raises:
            ValueError: Nothing is drawn, or over another photo.
        """
        drawn = decode(drawing, self.services.photos)
        if drawn.photo.id != self.services.store.get(record_id).image_sha256:
            raise ValueError(
                "Another photo is open on the canvas. Go back to the record's photo, then accept."
            )
        self._enter(who, record_id, "approved", Fix(drawn.mask, drawn.strokes, drawn.strategy))

    def _enter(self, who: Visitor, record_id: str, decision: str, fix: Fix | None) -> None:
        store = self.services.store
        alias = contributor(store, who.name)
        deciding.decide(store.core, record_id, who.known_as, decision, alias=alias, fix=fix)
