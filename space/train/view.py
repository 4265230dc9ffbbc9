"""The Train tab's pieces of HTML: where a run is, its curves, its log."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from space.pieces import jpeg_url
from space.plots import Plot, figure_html, figures_html
from space.train.runs import RunState
from space.words import duration

_PHASES = {
    "preparing": "Reading masks and photos",
    "training": "Training",
    "evaluating": "Judging it against its base",
    "promoted": "Done: it can be chosen now",
    "refused": "Refused: it got worse",
    "stopped": "Stopped",
    "failed": "Failed",
}
_PHASE_SHARE = {"preparing": 0.0, "evaluating": 0.9, "promoted": 1.0, "refused": 1.0}
_TRAINING_SHARE = 0.9


def progress_html(state: RunState) -> str:
    """Phase, bar, steps, time gone and time to go."""
    if state.phase == "none":
        return '<div class="tr-state" data-phase="none"><p>Nothing has been trained yet.</p></div>'
    share = _share(state)
    facts = [f"run {state.name}"]
    if state.steps:
        facts.append(f"step {state.step:,} of {state.steps:,}")
    facts.append(f"{duration(state.seconds)} gone" if state.running else duration(state.seconds))
    if state.running and state.phase == "training" and 0 < state.step < state.steps:
        before = _TRAINING_SHARE * state.resumed_at / state.steps
        left = state.seconds / max(share - before, 0.01) * (1 - share)
        facts.append(f"about {duration(left)} to go")
    words = f"<b>{_PHASES.get(state.phase, escape(state.phase))}.</b> {escape(', '.join(facts))}"
    message = f"<p>{escape(state.message)}</p>" if state.message else ""
    return (
        f'<div class="tr-state" data-phase="{escape(state.phase)}" '
        f'data-model="{escape(state.model)}"><p role="status">{words}</p>'
        f'<div class="tr-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}" aria-label="Progress">'
        f'<i style="width:{100 * share:.1f}%"></i></div>{message}</div>'
    )


def _share(state: RunState) -> float:
    if state.phase in _PHASE_SHARE:
        return _PHASE_SHARE[state.phase]
    return _TRAINING_SHARE * state.step / state.steps if state.steps else 0.0


def curves_html(state: RunState) -> str:
    """The loss, and LPIPS on what was held out, over the steps."""
    base = state.val_lpips[0][1] if state.val_lpips else None
    words = "on held-out photos and masks, lower is better; the line is the base model's"
    curves = [
        _curve("Loss", "of the samples trained on", state.losses, None),
        _curve("LPIPS", words, state.val_lpips, base),
    ]
    return figures_html(curves, "Curves of the run") if any(curves) else ""


def _curve(title: str, words: str, points: Sequence[tuple[int, float]], base: float | None) -> str:
    """One curve over the steps, and the base model's figure as a line; empty without a curve."""
    points = [(x, y) for x, y in points if math.isfinite(y)]
    if len(points) < 2:
        return ""
    low, high = min(y for _, y in points), max(y for _, y in points)
    first, last = points[0][0], points[-1][0]
    pad = 0.08 * (high - low) or 0.01
    plot = Plot((first, max(last, first + 1)), (low - pad, high + pad))
    digits = 3 if f"{low:.3g}" != f"{high:.3g}" else 5  # a flat curve wants more
    plot.grid((y, f"{y:.{digits}g}") for y in (low, high))
    if base is not None:
        plot.level(base)
    plot.line(points)
    plot.ends(f"step {first:,}", f"step {last:,}")
    now = f"{points[-1][1]:.4g}"
    label = f"{title} {words}: {now} at step {last}"
    return figure_html(f"<b>{title} {now}</b> {words}", plot.svg(label))


def log_html(state: RunState) -> str:
    """The end of the log, folded unless something went wrong."""
    if not state.log:
        return ""
    wide = " open" if state.phase in ("failed", "stopped") else ""
    return (
        f'<details class="tr-log"{wide}><summary>Log</summary>'
        f"<pre>{escape(state.log)}</pre></details>"
    )


def sheet_html(state: RunState) -> str:
    """The pictures of before and after, part of the page: no copy stays in a cache of files."""
    if state.sheet is None:
        return ""
    try:
        with Image.open(state.sheet) as picture:
            source = jpeg_url(np.asarray(picture.convert("RGB")))
    except OSError:  # deleted with a record that it shows
        return ""
    words = "Before and after, on held-out photos: hole, base model, new model, photo"
    return (
        f'<figure class="tr-sheet"><figcaption>{words}</figcaption>'
        f'<img alt="{words}" src="{source}" /></figure>'
    )
