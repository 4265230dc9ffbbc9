"""The Review tab: one record after the other, by keyboard; and the bar for mending a mask."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import gradio as gr

from space.pieces import QUIET, html
from space.review.desk import Desk
from space.review.handlers import Handlers
from space.review.parts import FixBar, Parts
from space.review.reviewers import signs_in_with_hub
from space.services import Services

_GO = "(there) => { if (there) location.hash = there; }"
# The canvas ends its part: what was mended is kept, or what was there before comes back.
_OVER = """(there) => { if (!there) return;
  document.dispatchEvent(new CustomEvent("lama-mended", { detail: "%s" }));
  location.hash = there; }"""
_SEEN = """(current, second) => [current, second,
  document.querySelector("#review-picture [data-record]")?.dataset.record ?? ""]"""
_ANSWERED = """() => { document.dispatchEvent(new Event("review-answered")); }"""
_SCRIPT = Path(__file__).parent / "review.js"
_AWAY = """<div class="rs" data-kind="error" role="alert" hidden><p></p>
  <button type="button">Back to the record</button></div>"""
_AWAY_SCRIPT = Path(__file__).parent / "away.js"


def fix_bar() -> FixBar:
    """Lay out the bar, hidden, where the canvas will follow."""
    with gr.Column(visible=False, elem_id="fix-bar") as group:
        words = html("fix-words")
        html("fix-away", _AWAY, _AWAY_SCRIPT)
        with gr.Row(equal_height=True):
            accept = gr.Button(
                "Accept with this mask", variant="primary", elem_id="fix-accept", min_width=170
            )
            back = gr.Button("Back without changes", elem_id="fix-back", min_width=170)
    return FixBar(group, words, accept, back, gr.State(""), gr.Textbox(visible="hidden"))


def build(services: Services, canvas: gr.HTML, bar: FixBar, events: Sequence[Callable]) -> None:
    """Lay the tab out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        canvas: The component that masks are mended on.
        bar: From `fix_bar`.
        events: The tab is brought up to date whenever one of them happens, e.g. `page.select`.
    """
    parts = lay_out()
    handlers = Handlers(Desk(services), parts, bar, canvas)
    second, shown, on = parts.second, parts.shown, parts.buttons
    of_record = [parts.current, second, parts.seen]
    for name, decide in (
        ("accept", handlers.accept),
        ("reject", handlers.reject),
        ("skip", handlers.skip),
    ):
        decided = on[name].click(decide, of_record, shown, js=_SEEN, **QUIET)
        decided.then(None, js=_ANSWERED, api_visibility="private")
    on["fill"].click(
        handlers.fill,
        of_record,
        shown,
        js=_SEEN,
        api_visibility="private",
        show_progress_on=[parts.filled, parts.status],
    )
    on["unskip"].click(handlers.unskip, second, shown, **QUIET)
    undone = on["undo"].click(handlers.undo, None, shown, **QUIET)
    undone.then(None, js=_ANSWERED, api_visibility="private")
    second.input(handlers.show, second, shown, **QUIET)
    gr.on(list(events), handlers.show, second, shown, **QUIET)
    _wire_mending(handlers, parts, canvas, bar)


def _wire_mending(handlers: Handlers, parts: Parts, canvas: gr.HTML, bar: FixBar) -> None:
    """From the tab to the canvas and back, with the mask that is on it then."""
    changing = [*bar.changing, parts.go]
    open_there = parts.buttons["fix"].click(
        handlers.fix,
        [parts.current, parts.second, parts.seen],
        [canvas, *changing, *parts.shown],
        js=_SEEN,
        queue=False,
        **QUIET,
    )
    open_there.then(None, parts.go, js=_GO, api_visibility="private")
    drawn = [bar.record_id, parts.second, bar.named, canvas]
    accepted = bar.accept.click(handlers.mend, drawn, changing, **QUIET)
    left = bar.back.click(handlers.leave, None, changing, **QUIET)
    for event, how in ((accepted, "accepted"), (left, "unchanged")):
        event.then(None, parts.go, js=_OVER % how, api_visibility="private").then(
            handlers.show, parts.second, parts.shown, **QUIET
        )


def lay_out() -> Parts:
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
    seen = gr.Textbox(visible="hidden")
    go = gr.Textbox(visible="hidden", elem_id="review-go")
    current = gr.State("")
    return Parts(
        picture, filled, facts, progress, status, current, second, buttons, seen=seen, go=go
    )


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
