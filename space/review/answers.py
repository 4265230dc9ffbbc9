"""The Review tab's events: who asks, what is shown for it, and what went wrong in plain words."""

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from space.engine import CancelledError
from space.pieces import TROUBLE, error_html, status_html
from space.review.desk import Desk, Screen
from space.visitors import shows_private

_log = logging.getLogger(__name__)


class Answers:
    """The handlers of the tab's events; Gradio hands in who asks by the parameters' types."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def show(self, second: bool, request: gr.Request, profile: gr.OAuthProfile | None) -> tuple:
        """The record that is this reviewer's turn."""
        return self._screen(request, profile, partial(self.desk.show, second=second))

    def accept(
        self, record_id: str, second: bool, request: gr.Request, profile: gr.OAuthProfile | None
    ) -> tuple:
        """Approve, then the next one."""
        return self._decide("approved", record_id, second, request, profile)

    def reject(
        self, record_id: str, second: bool, request: gr.Request, profile: gr.OAuthProfile | None
    ) -> tuple:
        """Reject, then the next one."""
        return self._decide("rejected", record_id, second, request, profile)

    def skip(
        self, record_id: str, second: bool, request: gr.Request, profile: gr.OAuthProfile | None
    ) -> tuple:
        """The next one; this one later."""
        return self._screen(
            request, profile, partial(self.desk.skip, record_id=record_id, second=second)
        )

    def unskip(self, second: bool, request: gr.Request, profile: gr.OAuthProfile | None) -> tuple:
        """What was skipped, again."""
        return self._screen(request, profile, partial(self.desk.unskip, second=second))

    def undo(self, request: gr.Request, profile: gr.OAuthProfile | None) -> tuple:
        """The last decision back, and its record with it."""
        return self._screen(request, profile, self.desk.undo)

    def fill(
        self, record_id: str, request: gr.Request, profile: gr.OAuthProfile | None
    ) -> tuple[Any, Any]:
        """Updates for the filled picture and the line about it."""
        try:
            self.desk.who(request, profile)
            return self.desk.filled(record_id), ""
        except TROUBLE as error:
            return "", said(error)

    def fix(self, record_id: str, request: gr.Request, profile: gr.OAuthProfile | None) -> tuple:
        """Updates for the canvas, the bar, its words, its record, the line, and where to go."""
        try:
            command = self.desk.to_canvas(self.desk.who(request, profile), record_id)
        except TROUBLE as error:
            return (*(gr.skip() for _ in range(4)), said(error), "")
        words = "Mend this mask, then accept it. The mask as it was stays in the record's history."
        bar = gr.Column(visible=True)
        return command, bar, status_html("done", words), record_id, "", "inpaint"

    def mend(
        self,
        record_id: str,
        drawing: Any,  # noqa: ANN401 - whatever the page sends
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> tuple:
        """Updates for the bar, its words, its record, and where to go."""
        try:
            self.desk.mend(self.desk.who(request, profile), record_id, drawing)
        except TROUBLE as error:
            return gr.skip(), said(error), gr.skip(), ""
        return self.leave()

    def leave(self) -> tuple:
        """The same, with nothing changed."""
        return gr.Column(visible=False), "", "", "review"

    def _decide(
        self,
        decision: str,
        record_id: str,
        second: bool,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> tuple:
        return self._screen(
            request,
            profile,
            partial(self.desk.decide, record_id=record_id, decision=decision, second=second),
        )

    def _screen(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        work: Callable[..., Screen],
    ) -> tuple:
        private = shows_private(self.desk.services.settings, request)
        try:
            screen = work(self.desk.who(request, profile), private=private)
        except TROUBLE as error:
            return (*(gr.skip() for _ in range(5)), said(error), *(gr.skip() for _ in range(8)))
        return updates(screen)


def updates(screen: Screen) -> tuple:
    """Updates for everything that changes with a record, in the order of the tab's outputs."""
    anything = gr.Button(interactive=bool(screen.record_id))
    return (
        *(screen.picture, "", screen.facts, screen.progress, screen.record_id, screen.status),
        gr.Button(visible=screen.skipped),
        *(anything for _ in range(5)),
        gr.Button(interactive=screen.undoable),
        gr.skip() if screen.second is None else screen.second,
    )


def said(error: Exception) -> str:
    """What went wrong, as a line for the page."""
    if isinstance(error, CancelledError):
        return error_html("Stopped.")
    if isinstance(error, sqlite3.Error | OSError):
        _log.warning("review: %s", error)
        return error_html("The dataset cannot be read just now. Try again in a moment.")
    return error_html(error)
