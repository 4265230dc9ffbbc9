"""The Train tab: fine-tune on what was approved, watch it, and compare the result with its base."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from space.canvas.pictures import plain_png
from space.engine import models_on_disk
from space.pieces import QUIET, TROUBLE, error_html, html
from space.services import Services
from space.train.trainer import Trainer, Wish
from space.train.view import curves_html, log_html, progress_html, sheet_html

if TYPE_CHECKING:
    from lama.training.config import TrainConfig

HOW_IT_WORKS = """
**What is trained on.** Half of the holes are approved masks of the dataset, the others generated
ones, so that the model does not forget other shapes. They are laid on the dataset's own photos, or
on those of a folder. What is held out, photos and masks, is never trained on.

**What decides.** At the end the new model and its base fill the same held-out holes: saved ones,
and thin, thick and box ones. If it is more than {margin:.0%} worse on any of them it is
refused and stays in its run folder. Otherwise it appears in the model select of *Inpaint*.

**It runs by itself.** Closing or reloading this page, or stopping the app, does not stop it.
*Cancel* saves first, and *Resume* goes on from there, as it does with a run that the machine's end
cut off. `python -m lama finetune` does the same on the command line.
"""
_ONE_MODEL = "There is only one model on this disk. Train one above, or get one in *Inpaint*."
_SECONDS = 2.0
# The canvas asks for the list of models again when a run has brought one.
_TELL = """(model) => {
  if (model && window.lamaTuned !== undefined && window.lamaTuned !== model) {
    document.dispatchEvent(new Event("lama-models-changed"));
  }
  window.lamaTuned = model || "";
}"""


@dataclass(frozen=True)
class _Form:
    base: gr.Dropdown
    steps: gr.Number
    batch: gr.Number
    rate: gr.Number
    share: gr.Slider
    seed: gr.Number
    cases: gr.Number
    photos: gr.Textbox
    start: gr.Button
    resume: gr.Button
    cancel: gr.Button
    status: gr.HTML

    @property
    def fields(self) -> list[gr.components.Component]:
        """In the order of `Wish`."""
        return [
            *(self.base, self.steps, self.batch, self.rate),
            *(self.share, self.seed, self.cases, self.photos),
        ]


@dataclass(frozen=True)
class _Watch:
    progress: gr.HTML
    curves: gr.HTML
    report: gr.Markdown
    sheet: gr.HTML
    log: gr.HTML
    timer: gr.Timer
    model: gr.Textbox


@dataclass(frozen=True)
class _Pair:
    first: gr.Dropdown
    second: gr.Dropdown
    compare: gr.Button
    slider: gr.ImageSlider
    status: gr.HTML
    hint: gr.Markdown


def build(services: Services, canvas: gr.HTML, events: Sequence[Callable]) -> None:
    """Lay the tab out inside the Blocks that is being built.

    Args:
        services: The app's parts.
        canvas: Its drawing is what two models are compared on.
        events: The tab is brought up to date whenever one of them happens, e.g. `page.select`.
    """
    from lama.training import defaults  # noqa: PLC0415 - what trains is not needed to begin

    trainer = Trainer(services)
    with gr.Row(elem_id="train-tab"):
        with gr.Column(scale=2, min_width=300):
            form = _lay_out_form(trainer, defaults.FINE_TUNE, defaults.CASES)
        with gr.Column(scale=4, min_width=320):
            watch = _lay_out_watch()
    pair = _lay_out_pair(trainer)
    with gr.Accordion("How it works", open=False):
        gr.Markdown(HOW_IT_WORKS.format(margin=defaults.MARGIN))
    shown = [
        *(watch.progress, watch.curves, watch.report, watch.sheet, watch.log),
        *(watch.timer, watch.model, form.start, form.resume, form.cancel),
    ]
    choices = [form.base, pair.first, pair.second]
    offered = [*choices, pair.compare, pair.hint]

    def show(request: gr.Request, profile: gr.OAuthProfile | None) -> tuple:
        return updates(trainer, request, profile)

    def offer(base: str, first: str, second: str) -> tuple:
        names = models_on_disk(trainer.services.engine)
        newest = trainer.state().model
        beside = newest if second == first and newest else second
        return (
            gr.Dropdown(names, value=base),
            gr.Dropdown(names, value=first),
            gr.Dropdown(names, value=beside),
            gr.Button(interactive=len(names) > 1),
            gr.Markdown(visible=len(names) < 2),
        )

    def refresh(event: Callable) -> None:
        event(show, None, shown, **QUIET).then(
            None, watch.model, js=_TELL, api_visibility="private"
        ).then(offer, choices, offered, **QUIET)

    watch.timer.tick(show, None, shown, **QUIET)
    watch.model.change(None, watch.model, js=_TELL, api_visibility="private").then(
        offer, choices, offered, **QUIET
    )
    refresh(partial(gr.on, list(events)))
    _wire_form(trainer, form, refresh)
    _wire_pair(trainer, pair, canvas)


def updates(
    trainer: Trainer, request: gr.Request, profile: gr.OAuthProfile | None
) -> tuple[Any, ...]:
    """Updates for everything that changes while a run goes on.

    Log and pictures may hold paths and private photos: they are for those who may train, and the
    pictures for whoever may see private records.
    """
    try:
        who = trainer.who(request, profile)
    except ValueError as error:
        off = gr.Button(interactive=False)
        return error_html(error), "", gr.skip(), "", "", gr.Timer(active=False), "", off, off, off
    state = trainer.state()
    return (
        progress_html(state),
        curves_html(state),
        gr.Markdown(state.report, visible=bool(state.report)),
        sheet_html(state) if who.local else "",
        log_html(state),
        gr.Timer(active=state.running),
        state.model,
        gr.Button(interactive=not state.running),
        gr.Button(visible=state.resumable and not state.running, interactive=True),
        gr.Button(interactive=state.running),
    )


def _wire_form(trainer: Trainer, form: _Form, refresh: Callable[[Callable], None]) -> None:
    def start(
        base: str, steps: float, batch: float, rate: float, share: float, seed: float,
        cases: float, photos: str | None, request: gr.Request, profile: gr.OAuthProfile | None,
    ) -> str:  # fmt: skip
        try:
            who = trainer.who(request, profile)
            trainer.start(Wish(base, steps, batch, rate, share, seed, cases, photos or ""), who)
        except TROUBLE as error:
            return error_html(error)
        return ""

    def allowed(order: Callable[[], object]) -> Callable[..., str]:
        def carry_out(request: gr.Request, profile: gr.OAuthProfile | None) -> str:
            try:
                trainer.who(request, profile)
                order()
            except TROUBLE as error:
                return error_html(error)
            return ""

        return carry_out

    refresh(form.start.click(start, form.fields, form.status, **QUIET).then)
    refresh(form.resume.click(allowed(trainer.runs.resume), None, form.status, **QUIET).then)
    refresh(form.cancel.click(allowed(trainer.runs.cancel), None, form.status, **QUIET).then)


def _wire_pair(trainer: Trainer, pair: _Pair, canvas: gr.HTML) -> None:
    def compare(drawing: Any, first: str, second: str) -> tuple:  # noqa: ANN401
        try:
            fills = trainer.compare(drawing, first, second)
            # Served as they lie, and gone with a deletion: Gradio would keep copies for hours.
            exports = trainer.services.exports
            names = ("first.png", "second.png")
            paths = [exports.put(plain_png(f), n) for f, n in zip(fills, names, strict=True)]
        except TROUBLE as error:
            return gr.skip(), error_html(error)
        return gr.ImageSlider(
            (str(paths[0]), str(paths[1])), visible=True, label=f"{first} | {second}"
        ), ""

    # What is shown is of the models that were chosen when it was asked for.
    for choice in (pair.first, pair.second):
        choice.input(lambda: gr.ImageSlider(visible=False), None, pair.slider, **QUIET)
    pair.compare.click(
        compare, [canvas, pair.first, pair.second], [pair.slider, pair.status],
        api_visibility="private",
    )  # fmt: skip


def _lay_out_form(trainer: Trainer, usual: "TrainConfig", cases_each: int) -> _Form:
    names, first = models_on_disk(trainer.services.engine), trainer.services.settings.model
    base = gr.Dropdown(names, value=first, label="Start from", elem_id="train-base")
    steps = gr.Number(usual.steps, label="Steps", precision=0, elem_id="train-steps")
    with gr.Accordion("More", open=False, elem_id="train-more"):
        rate = gr.Number(usual.lr, label="Learning rate", elem_id="train-rate")
        share = gr.Slider(
            0, 1, usual.masks_share, step=0.05, label="Share of saved masks",
            elem_id="train-share",
        )  # fmt: skip
        batch = gr.Number(usual.batch, label="Photos a step", precision=0, elem_id="train-batch")
        cases = gr.Number(
            cases_each, label="Holes of each shape to judge by", precision=0, elem_id="train-cases"
        )
        seed = gr.Number(usual.seed, label="Seed", precision=0, elem_id="train-seed")
        # Nobody need have opened this part: what is not on the page yet is sent as it is here.
        photos = gr.Textbox(
            "",
            label="Folder of photos",
            info="On the machine of the app; the dataset's own photos if empty.",
            elem_id="train-photos",
        )
    with gr.Row():
        start = gr.Button("Train", variant="primary", elem_id="train-start", min_width=100)
        resume = gr.Button("Resume", elem_id="train-resume", visible=False, min_width=100)
        cancel = gr.Button("Cancel", elem_id="train-cancel", interactive=False, min_width=100)
    status = html("train-status")
    fields = base, steps, batch, rate, share, seed, cases, photos
    return _Form(*fields, start, resume, cancel, status)


def _lay_out_watch() -> _Watch:
    return _Watch(
        progress=html("train-progress"),
        curves=html("train-curves"),
        report=gr.Markdown(visible=False, elem_id="train-report"),
        sheet=html("train-sheet"),
        log=html("train-log"),
        timer=gr.Timer(_SECONDS, active=False),
        model=gr.Textbox("", visible="hidden", elem_id="train-model"),
    )


def _lay_out_pair(trainer: Trainer) -> _Pair:
    names, first = models_on_disk(trainer.services.engine), trainer.services.settings.model
    gr.Markdown("## Two models on what is marked in Inpaint", elem_classes="part")
    with gr.Row(equal_height=True, elem_id="compare-row"):
        left = gr.Dropdown(names, value=first, label="Left", elem_id="compare-left")
        right = gr.Dropdown(names, value=first, label="Right", elem_id="compare-right")
        compare = gr.Button(
            "Compare", elem_id="compare-button", min_width=120, interactive=len(names) > 1
        )
    hint = gr.Markdown(_ONE_MODEL, visible=len(names) < 2, elem_id="compare-hint")
    status = html("compare-status")
    slider = gr.ImageSlider(
        visible=False, format="png", type="numpy", interactive=False, elem_id="compare-slider"
    )
    return _Pair(left, right, compare, slider, status, hint)
