"""The Review tab's events: who asks, what is shown for it, and what went wrong in plain words."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
from gradio.blocks import Block

from space.pieces import TROUBLE, error_html, status_html
from space.review.desk import Desk, Screen
from space.review.parts import FixBar, Parts
from space.turns import CancelledError
from space.visitors import Visitor

_ON_RECORDS = ("accept", "reject", "fix", "skip", "fill")
_MEND = "Mend this mask, then accept it. The mask as it was stays in the record's history."
_RESTARTED = "The app was restarted meanwhile, so nothing was done. Look again, then decide."
_OTHER = "The page still showed another record, so nothing was done. Look again, then decide."
_NOT_HELD = (
    "The app was restarted meanwhile and no longer holds this record for you. Your mask is still "
    "here: to keep it, export it (Mask, Export the mask as PNG). Then go back without changes."
)
_log = logging.getLogger(__name__)
Updates = dict[Block, Any]
_Act = Callable[[Visitor, str, bool], Updates]


class Handlers:
    """The handlers of the tab's events; Gradio hands in who asks by the parameters' types."""

    def __init__(self, desk: Desk, parts: Parts, bar: FixBar, canvas: gr.HTML) -> None:
        self.desk, self.parts, self.bar, self.canvas = desk, parts, bar, canvas
        self.accept = self._then_next(partial(desk.decide, decision="approved"))
        self.reject = self._then_next(partial(desk.decide, decision="rejected"))
        self.skip = self._then_next(desk.skip)
        self.fill = self._on_record(self._fill, {parts.filled: ""})
        self.fix = self._on_record(self._fix, {parts.go: ""})

    def show(self, second: bool, request: gr.Request, profile: gr.OAuthProfile | None) -> Updates:
        """The record that is this reviewer's turn."""
        return self._screen(request, profile, partial(self.desk.show, second=second))

    def unskip(self, second: bool, request: gr.Request, profile: gr.OAuthProfile | None) -> Updates:
        """What was skipped, again."""
        return self._screen(request, profile, partial(self.desk.unskip, second=second))

    def undo(self, request: gr.Request, profile: gr.OAuthProfile | None) -> Updates:
        """The last decision back, and its record with it."""
        return self._screen(request, profile, self.desk.undo)

    def _on_record(self, act: _Act, otherwise: Updates) -> Callable[..., Updates]:
        """The handler of a button that does something with the record that is shown.

        Of its parameters, `record_id` is the record as the server remembers it, and the one that
        is acted on. `seen` is the one that the page shows, and is only compared: where answers are
        slow, or the app was restarted, the two may differ, and then nothing is done to either.

        Args:
            act: Does it; gets who asks, the record, and whether second opinions are asked for.
            otherwise: What else changes where nothing is done.
        """

        def handler(
            record_id: str, second: bool, seen: str,
            request: gr.Request, profile: gr.OAuthProfile | None,
        ) -> Updates:  # fmt: skip
            try:
                who = self.desk.who(request, profile)
                if words := mistaken(record_id, seen):
                    screen = self.desk.show(who, second, error_html(words))
                    return updates(self.parts, screen) | otherwise
                return act(who, record_id, second)
            except TROUBLE as error:
                return {self.parts.status: said(error)} | otherwise

        return handler

    def _then_next(self, work: Callable[..., Screen]) -> Callable[..., Updates]:
        """The handler of a button that is done with the record: the next one is shown."""

        def act(who: Visitor, record_id: str, second: bool) -> Updates:
            return updates(self.parts, work(who, record_id, second=second))

        return self._on_record(act, {})

    def _fill(self, _: Visitor, record_id: str, __: bool) -> Updates:
        """The filled picture."""
        return {self.parts.filled: self.desk.filled(record_id), self.parts.status: ""}

    def _fix(self, who: Visitor, record_id: str, _: bool) -> Updates:
        """The record on the canvas, under the bar."""
        parts, bar = self.parts, self.bar
        return {
            self.canvas: self.desk.to_canvas(who, record_id),
            bar.group: gr.Column(visible=True),
            bar.words: status_html("done", _MEND),
            bar.record_id: record_id,
            bar.named: record_id,
            parts.status: "",
            parts.go: "inpaint",
        }

    def mend(
        self,
        record_id: str,
        second: bool,
        named: str,
        drawing: Any,  # noqa: ANN401 - whatever the page sends
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> Updates:
        """The record accepted with the mask that is on the canvas; what is drawn stays there."""
        try:
            who = self.desk.who(request, profile)
            known = record_id or self.desk.held(who, second)
            if not known or known != named:
                raise ValueError(_NOT_HELD)
            self.desk.mend(who, known, drawing)
        except TROUBLE as error:
            return {self.bar.words: said(error), self.parts.go: ""}
        return self.leave()

    def leave(self) -> Updates:
        """Back to the tab, with nothing changed."""
        bar = self.bar
        return {
            bar.group: gr.Column(visible=False),
            bar.words: "",
            bar.record_id: "",
            bar.named: "",
            self.parts.go: "review",
        }

    def _screen(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        work: Callable[..., Screen],
    ) -> Updates:
        try:
            return updates(self.parts, work(self.desk.who(request, profile)))
        except TROUBLE as error:
            return {self.parts.status: said(error)}


def updates(parts: Parts, screen: Screen) -> Updates:
    """Updates for everything that changes with a record."""
    found: Updates = {
        parts.picture: screen.picture,
        parts.filled: "",
        parts.facts: screen.facts,
        parts.progress: screen.progress,
        parts.current: screen.record_id,
        parts.status: screen.status,
        parts.buttons["unskip"]: gr.Button(visible=screen.skipped),
        parts.buttons["undo"]: gr.Button(interactive=screen.undoable),
    }
    for name in _ON_RECORDS:
        found[parts.buttons[name]] = gr.Button(interactive=bool(screen.record_id))
    if screen.second is not None:
        found[parts.second] = screen.second
    return found


def mistaken(record_id: str, seen: str) -> str:
    """What is said where the page does not show the record that is meant; else nothing."""
    if not record_id:
        return _RESTARTED
    return "" if record_id == seen else _OTHER


def said(error: Exception) -> str:
    """What went wrong, as a line for the page."""
    if isinstance(error, CancelledError):
        return error_html("Stopped.")
    if isinstance(error, OSError):
        _log.warning("review: %s", error)
        return error_html("The dataset cannot be read just now. Try again in a moment.")
    return error_html(error)
