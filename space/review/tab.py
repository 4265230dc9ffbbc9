"""The Review tab: one record after the other, by keyboard; and the bar for mending a mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import gradio as gr

from space.pieces import QUIET, html
from space.review.answers import Answers
from space.review.desk import Desk
from space.review.reviewers import signs_in_with_hub
from space.services import Services

_GO = "(there) => { if (there) location.hash = there; }"
_SCRIPT = Path(__file__).parent / "review.js"


@dataclass(frozen=True)
class FixBar:
    """The bar over the canvas while a mask is being mended."""

    group: gr.Column
    words: gr.HTML
    accept: gr.Button
    back: gr.Button
    record_id: gr.State


@dataclass(frozen=True)
class _Parts:
    """The components of the tab."""

    picture: gr.HTML
    filled: gr.HTML
    facts: gr.HTML
    progress: gr.HTML
    status: gr.HTML
    current: gr.State
    second: gr.Checkbox
    buttons: dict[str, gr.Button]

    @property
    def shown(self) -> list[gr.components.Component]:
        """What changes with every record; `Answers.updates` fills them in this order."""
        names = ("unskip", "accept", "reject", "fix", "skip", "fill", "undo")
        return [
            *(self.picture, self.filled, self.facts, self.progress, self.current, self.status),
            *(self.buttons[name] for name in names),
            self.second,
        ]


def fix_bar() -> FixBar:
    """Lay out the bar, hidden, where the canvas will follow."""
    with gr.Column(visible=False, elem_id="fix-bar") as group:
        words = html("fix-words")
        with gr.Row(equal_height=True):
            accept = gr.Button(
                "Accept with this mask", variant="primary", elem_id="fix-accept", min_width=170
            )
            back = gr.Button("Back without changes", elem_id="fix-back", min_width=170)
    return FixBar(group, words, accept, back, gr.State(""))


def build(services: Services, canvas: gr.HTML, bar: FixBar, events: Sequence[Callable]) -> None:
    """Lay the tab out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        canvas: The component that masks are mended on.
        bar: From `fix_bar`.
        events: The tab is brought up to date whenever one of them happens, e.g. `page.select`.
    """
    parts, answers = _lay_out(), Answers(Desk(services))
    current, second, shown = parts.current, parts.second, parts.shown
    on = parts.buttons
    on["accept"].click(answers.accept, [current, second], shown, **QUIET)
    on["reject"].click(answers.reject, [current, second], shown, **QUIET)
    on["skip"].click(answers.skip, [current, second], shown, **QUIET)
    on["unskip"].click(answers.unskip, second, shown, **QUIET)
    on["undo"].click(answers.undo, None, shown, **QUIET)
    second.input(answers.show, second, shown, **QUIET)
    gr.on(list(events), answers.show, second, shown, **QUIET)
    on["fill"].click(answers.fill, current, [parts.filled, parts.status], api_visibility="private")
    _wire_mending(answers, parts, canvas, bar)


def _wire_mending(answers: Answers, parts: _Parts, canvas: gr.HTML, bar: FixBar) -> None:
    """From the tab to the canvas and back, with the mask that is on it then."""
    go = gr.Textbox(visible="hidden", elem_id="review-go")
    opened = [canvas, bar.group, bar.words, bar.record_id, parts.status, go]
    closed = [bar.group, bar.words, bar.record_id, go]
    open_there = parts.buttons["fix"].click(
        answers.fix, parts.current, opened, queue=False, **QUIET
    )
    open_there.then(None, go, js=_GO, api_visibility="private")
    accepted = bar.accept.click(answers.mend, [bar.record_id, canvas], closed, **QUIET)
    left = bar.back.click(answers.leave, None, closed, **QUIET)
    for event in (accepted, left):
        event.then(None, go, js=_GO, api_visibility="private").then(
            answers.show, parts.second, parts.shown, **QUIET
        )


def _lay_out() -> _Parts:
    """The photo on the left; what can be done, and what is known, on the right."""
    with gr.Row(elem_id="review-tab"):
        with gr.Column(scale=5, min_width=320):
            picture = html("review-picture", script=_SCRIPT)
            filled = html("review-filled")
        with gr.Column(scale=2, min_width=300):
            if signs_in_with_hub():
                gr.LoginButton(elem_id="review-login")
            buttons = _buttons()
            status, facts = html("review-status"), html("review-facts")
            second = gr.Checkbox(
                False,
                label="Give second opinions",
                info="On what one other reviewer has decided. Their answer is not shown.",
                elem_id="review-second",
            )
            progress = html("review-progress")
    return _Parts(picture, filled, facts, progress, status, gr.State(""), second, buttons)


def _buttons() -> dict[str, gr.Button]:
    found = {}
    rows: tuple[tuple[tuple[str, str, Literal["primary", "secondary", "stop"]], ...], ...] = (
        (("accept", "Accept (A)", "primary"), ("reject", "Reject (R)", "stop")),
        (("fix", "Fix (F)", "secondary"), ("skip", "Skip (S)", "secondary")),
        (("undo", "Undo (U)", "secondary"), ("fill", "See it filled (P)", "secondary")),
    )
    for row in rows:
        with gr.Row():
            for name, label, variant in row:
                found[name] = gr.Button(
                    label, variant=variant, elem_id=f"review-{name}", min_width=120
                )
    found["unskip"] = gr.Button("Show what I skipped", visible=False, elem_id="review-unskip")
    return found
