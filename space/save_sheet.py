"""The small sheet under the canvas that saves the drawing into the dataset."""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from space import contributions
from space.canvas.protocol import Drawing, decode
from space.pieces import COPY, QUIET, error_html, html, status_html
from space.services import Services
from space.settings import Settings
from space.store import CONSENT_SENTENCE, Receipt, StoreError, Submission, SubmissionError
from space.visitors import visitor

UNDO_SECONDS = 10
LICENCE_CHOICES = [
    ("CC0: free for everyone", "cc0-1.0"),
    ("CC BY 4.0: free, with credit", "cc-by-4.0"),
    ("Private: never leaves this machine", "private"),
]
_STORED = (
    "Stored: the photo without camera and location data, the mask and its strokes, licence, "
    "model and note. No name, no address."
)
_SEEN = (
    "Reviewers of this app see it. Once one has approved it, everybody who reaches this page can "
    "see and download it, unless it is private."
)
_TERMS = """<p class="rs-terms"><span></span>
<button type="button" data-terms>Licence and note</button></p>"""
_SCRIPT = Path(__file__).parent / "save_sheet.js"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """What a page saved last."""

    receipt: Receipt
    drawing: str
    """Tells this photo with this mask from any other."""


def build(services: Services, canvas: gr.HTML) -> None:
    """Lay the sheet out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        canvas: The component whose value is the drawing (`space.canvas.protocol`).
    """
    with gr.Accordion("Save mask to dataset", open=False, elem_id="save-sheet"):
        _terms()
        licence = gr.Radio(
            LICENCE_CHOICES,
            value="cc0-1.0",
            label="Licence",
            info="For photo and mask. Save only what is yours to share.",
            elem_id="licence",
        )
        info = f"{_STORED} {what_happens(services.settings)}"
        consent = gr.Checkbox(False, label=CONSENT_SENTENCE, info=info, elem_id="consent")
        note = gr.Textbox(
            "", label="Note (optional)", max_lines=3, max_length=2000, elem_id="record-note"
        )
        with gr.Row(equal_height=True):
            save = gr.Button(
                "Save mask", variant="primary", elem_id="save-mask", min_width=120, scale=2
            )
            undo = gr.Button("Undo", elem_id="undo-save", visible=False, min_width=80, scale=1)
        status = html("record-status", script=COPY)
        last, saved_at = gr.State(None), gr.State(0.0)
        countdown = gr.Timer(UNDO_SECONDS, active=False)

    def on_undo(last: Saved | None) -> tuple:
        return undo_save(services, last)

    outputs = [status, undo, countdown, last, saved_at, note]
    given = [canvas, licence, consent, note, last]
    save.click(saver(services), given, outputs, api_visibility="private")
    undo.click(on_undo, last, outputs, api_visibility="private")
    countdown.tick(hide_undo, saved_at, [undo, countdown], **QUIET)


def _terms() -> gr.HTML:
    """The line that stands for licence, consent and note once something was saved."""
    return html("save-terms", _TERMS, _SCRIPT)


def saver(services: Services) -> Callable[..., tuple]:
    """What the button does for whoever presses it, at the pace of a person."""

    def on_save(
        drawing: object,
        licence: str,
        consent: bool,
        note: str,
        last: Saved | None,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> tuple:
        who = visitor(services.settings, request, profile)
        try:
            services.pace.keep(who)
        except ValueError as error:
            return _refused(services, str(error), last)
        return save_drawing(services, drawing, licence, consent, note, who.name, last)

    return on_save


def what_happens(settings: Settings) -> str:
    """Who will see what is saved, in words that stand beside the consent."""
    if settings.hub_dataset is None:
        return _SEEN
    return (
        f"{_SEEN} It then also goes to the dataset {settings.hub_dataset} on Hugging Face; the "
        "operator of this app may send it there before that."
    )


def save_drawing(
    services: Services,
    drawing: object,
    licence: str,
    consent: bool,
    note: str,
    username: str | None,
    last: Saved | None = None,
) -> tuple:
    """Save what is on the canvas; updates for status, undo, countdown, last save, time and note."""
    try:
        if not consent:  # before anything about the drawing: it is what people overlook
            raise SubmissionError("Tick the sentence above to agree, then save again.")
        drawn = decode(drawing, services.photos)
        this = _told_apart(drawn)
        if last is not None and this == last.drawing and _is_there(services, last):
            raise SubmissionError("This mask is saved already. Change it, or open another photo.")
        photo = services.photos.opened(drawn.photo)
        submission = Submission(
            image_bytes=photo.path.read_bytes(),
            mask=drawn.mask,
            licence=licence,
            consent=consent,
            strategy=drawn.strategy,
            strokes=drawn.strokes,
            contributor=contributions.contributor(services.store, username),
            note=note or "",
            model=Path(drawn.model).stem,
        )
        receipt = contributions.save(services, submission)
    except (ValueError, StoreError) as error:
        return _refused(services, str(error), last)
    except OSError as error:
        _log.warning("a photo could not be read for saving: %s", error)
        words = "The app no longer has this photo. Open it once more, then save again."
        return _refused(services, words, last)
    return (
        receipt_html(receipt, filled=photo.id != drawn.photo.id),
        gr.Button(visible=True),
        gr.Timer(active=True),
        Saved(receipt, this),
        time.monotonic(),
        "",
    )


def _told_apart(drawn: Drawing) -> str:
    """A digest of the photo and the mask."""
    return hashlib.sha256(drawn.photo.id.encode() + drawn.mask.tobytes()).hexdigest()


def hide_undo(saved_at: float) -> tuple:
    """Updates that take the undo button away, unless something was saved since it came up."""
    if time.monotonic() - saved_at < UNDO_SECONDS - 1:
        return gr.skip(), gr.skip()
    return gr.Button(visible=False), gr.Timer(active=False)


def undo_save(services: Services, last: Saved | None) -> tuple:
    """Take the last save back; the photo stays open on the canvas."""
    if last is None:
        return _answer(error_html("There is nothing to undo."))
    try:
        contributions.undo(services, last.receipt)
    except (ValueError, StoreError) as error:
        return _refused(services, str(error), last)
    return (
        status_html("done", "Undone: the mask and its photo are out of the dataset."),
        gr.Button(visible=False),
        gr.Timer(active=False),
        None,
        gr.skip(),
        gr.skip(),
    )


def _is_there(services: Services, last: Saved) -> bool:
    """Whether what was saved has not been deleted since."""
    try:
        services.store.get(last.receipt.record_id)
    except SubmissionError:
        return False
    except StoreError:
        pass  # nobody can tell just now
    return True


def _refused(services: Services, words: str, last: Saved | None) -> tuple:
    """What went wrong; the receipt of the last save stays in sight, since nobody else has it."""
    there = last is not None and _is_there(services, last)
    kept = receipt_html(last.receipt, before=True) if last is not None and there else ""
    return _answer(error_html(words) + kept)


def _answer(status: str) -> tuple:
    return (status, *(gr.skip() for _ in range(5)))


def receipt_html(receipt: Receipt, *, before: bool = False, filled: bool = False) -> str:
    """The answer to a save: id and receipt, to be copied and kept.

    Args:
        receipt: Of the save.
        before: Whether it is that of the one before.
        filled: Whether the mask was drawn on a result of the photo that was saved.
    """
    whole = f"{receipt.record_id} {receipt.token}"
    removed = " Camera and location data were removed." if receipt.metadata_removed else ""
    if receipt.lookalikes:
        removed += " A photo that looks much like this one is in the dataset already."
    if filled:
        removed += " The photo is saved as you opened it, without what was filled since."
    kind, said = ("before", "The mask before was saved.") if before else ("done", "Saved.")
    return f"""<div class="rs" data-kind="{kind}" role="status">
<p><b>{said}</b>{removed} Keep this receipt: whoever has it can delete the record.</p>
<div class="rs-receipt"><code data-record="{receipt.record_id}" data-receipt="{receipt.token}"
><span>{receipt.record_id}</span> <span>{receipt.token}</span></code>
<button type="button" data-copy="{whole}">Copy</button></div></div>"""
