"""What the canvas asks of the server: one JSON answer a question, as `space.answers` has it."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import masks
from lama.photo import Photo, merge
from lama.photo_write import SUFFIX, encode_photo
from space.answers import Answer, answered, named
from space.canvas.downloads import Downloads
from space.canvas.incremental import start_from
from space.canvas.pictures import patch_png
from space.canvas.protocol import Drawing, decode, encode_mask
from space.canvas.results import FIRST, KeptResult, ResultShelf, patches, untouched_outside
from space.engine import InpaintResult, Quality
from space.exports import fitting
from space.runs import LiveRuns
from space.services import Services
from space.strategies import known_strategy
from space.turns import WorkQueue
from space.uploads import arrived


class _Filled(NamedTuple):
    """A result, and what of it a page must get."""

    result: InpaintResult
    fresh: np.ndarray
    """bool (H, W), the part that it must get."""
    keeps: str = ""
    """Id of the result whose patches show the rest; empty if it gets all of it."""
    version: int = FIRST
    """Which of the results kept under its id it is."""


class CanvasServer:
    """The functions behind one canvas component."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.engine = services.engine
        self.pictures = WorkQueue(at_once=2, most_waiting=6)  # whole photos, read or written
        self.runs = LiveRuns()
        self.results = ResultShelf()
        self.downloads = Downloads(services.engine)
        self.exports = services.exports

    @answered()
    def open_photo(self, data: dict) -> Answer:
        """Take an uploaded file: `path` as the upload answered it, `name` for showing."""
        path, name = arrived(data)
        with self.pictures.taken():
            handle = self.services.photos.put(path, name)
            photo = self.services.photos.decoded(handle)
            preview = None if handle.plain else self.exports.address(_preview(photo), "preview.png")
        return {
            "photo": handle.id, "name": handle.name, "format": handle.format,
            "width": handle.width, "height": handle.height, "preview": preview,
            "notes": list(photo.notes),
        }  # fmt: skip

    @answered()
    def has_photo(self, data: dict) -> Answer:
        """Whether a photo from an earlier visit is still here: `photo` is its id.

        `made` tells whether it is a result that was gone on from.
        """
        handle = self.services.photos.get(str(data.get("photo", "")))
        return {"format": handle.format, "made": bool(handle.origins)}

    @answered()
    def preview(self, data: dict) -> Answer:
        """A picture of `photo` as the app sees it, for a browser that sees it otherwise."""
        handle = self.services.photos.get(str(data.get("photo", "")))
        with self.pictures.taken():
            content = _preview(self.services.photos.decoded(handle))
        return {"url": self.exports.address(content, "preview.png")}

    @answered()
    def run(self, data: dict) -> Answer:
        """Inpaint a drawing: `value` as the canvas writes it, `page` who asks.

        A page that shows the last result (`value.shown`) gets only the patches that differ. In
        live mode large holes get a first look (`rough`); `better` does them at full size.
        """
        page = str(data.get("page", ""))
        drawing = decode(data.get("value"), self.services.photos)
        overtaken = self.runs.announce(page, drawing.request)
        if drawing.mask.all():
            raise ValueError("Everything is marked, so there is nothing to go by. Leave a part.")
        with self._turn(page, overtaken):
            began = time.perf_counter()
            photo = self.services.photos.decoded(drawing.photo)
            filled = self._fill(page, drawing, photo.rgb, overtaken)
        asked = drawing.model or self.services.settings.model
        identity = self.results.put(
            drawing.photo.id, drawing.mask, filled.result, asked, drawing.name
        )
        self.runs.remember(page, identity)
        answer = _shown(photo, drawing.mask, filled, began)
        return {**answer, "request": drawing.request, "result": identity}

    @answered()
    def better(self, data: dict) -> Answer:
        """Go on with a `result`: `quality` full or refined, `request` it belongs to.

        It keeps its id; the page gets the patches that differ.
        """
        page, identity = str(data.get("page", "")), str(data.get("result", ""))
        request = int(data.get("request", 0))
        quality: Quality = "refined" if data.get("quality") == "refined" else "full"
        overtaken = self.runs.announce(page, request, long=quality == "refined")
        kept = self.results.get(identity)
        began = time.perf_counter()
        filled, mask = self._improve(identity, quality, page, overtaken)
        photo = self.services.photos.decoded(self.services.photos.get(kept.photo))
        answer = _shown(photo, mask, filled, began)
        return {**answer, "request": request, "result": identity}

    @answered()
    def cancel(self, data: dict) -> Answer:
        """Nobody waits for `request` of `page` any more."""
        self.runs.cancel(str(data.get("page", "")), int(data.get("request", 0)))
        return {}

    @answered()
    def progress(self, data: dict) -> Answer:
        """How much of the run of `page` is done, 0 to 1, where that is known."""
        return {"share": self.runs.share(str(data.get("page", "")))}

    @answered()
    def fill_strategy(self, data: dict) -> Answer:
        """A mask from a generator: `photo`, `strategy`, `seed`.

        Where that one finds nothing to go by, another draws it: `strategy` of the answer. It
        draws the same mask again with the seed and the answer's `parameters`.
        """
        strategy = known_strategy(data.get("strategy"), "wide")
        handle = self.services.photos.get(str(data.get("photo", "")))
        seed = max(0, int(data.get("seed") or 0))
        with self.pictures.taken():
            rgb = self.services.photos.decoded(handle).rgb
            made, parameters = _drawn_by(strategy, rgb, seed)
        return {
            "mask": encode_mask(made.mask), "note": made.note,
            "strategy": made.strategy_used, "parameters": parameters,
        }  # fmt: skip

    @answered()
    def adopt(self, data: dict) -> Answer:
        """Make a `result` the photo to go on from; nothing is uploaded.

        A page that shows another `version` of it gets a `preview` of what it goes on from.
        """
        kept = self._finished(str(data.get("result", "")))
        behind = data.get("version") != kept.version
        handle = self.services.photos.get(kept.photo)
        with self.pictures.taken():
            content = encode_photo(self._merged(kept), "PNG")
            path = self.exports.put(content, "result.png")
            new = self.services.photos.put(path, kept.name, handle.format, handle)
            sharp = _preview(self.services.photos.decoded(new)) if behind else b""
        path.unlink(missing_ok=True)  # a deletion may have emptied the folder
        return {
            "photo": new.id, "format": new.format, "width": new.width, "height": new.height,
            "preview": self.exports.address(sharp, "preview.png") if sharp else None,
        }  # fmt: skip

    @answered()
    def export(self, data: dict) -> Answer:
        """A file at full size of a `result`, or of a `photo` that a result was made into.

        `format` is PNG, or what the page says is the photo's own; `name` is what it calls a photo.
        """
        kept = self._finished(str(data["result"])) if data.get("result") else None
        # The shelf has a photo without loss, with all that the first one came with.
        handle = self.services.photos.get(kept.photo if kept else str(data.get("photo", "")))
        called = kept.name if kept else Path(str(data.get("name") or handle.name)).name
        asked = str(data.get("format"))
        wanted = next((name for name in (asked, handle.format) if name in SUFFIX), "PNG")
        with self.pictures.taken():
            photo = self._merged(kept) if kept else self.services.photos.decoded(handle)
            content = encode_photo(replace(photo, format=wanted), wanted)
        name = fitting(Path(called).stem or "photo", f"-inpainted{SUFFIX[wanted]}")
        return {"url": self.exports.address(content, name), "name": name}

    @answered()
    def models(self, _data: dict) -> Answer:
        """What the model select shows; the first model's speed comes once it is measured."""
        known = self.services.engine.models()
        return {
            "models": [vars(model) for model in known],
            "chosen": self.services.settings.model,
        }

    @answered()
    def download(self, data: dict) -> Answer:
        """Start, follow or stop fetching a `model`: `action` start, state or cancel."""
        return self.downloads.act(str(data.get("action", "state")), str(data.get("model", "")))

    def functions(self) -> list[Callable[[dict], Answer]]:
        """The questions as plain functions, for gr.HTML's `server_functions`."""
        names = (
            "open_photo", "has_photo", "preview", "run", "better", "cancel", "progress",
            "fill_strategy", "adopt", "export", "models", "download",
        )  # fmt: skip
        return [named(name, getattr(self, name)) for name in names]

    def _fill(
        self, page: str, drawing: Drawing, rgb: np.ndarray, overtaken: Callable[[], bool]
    ) -> _Filled:
        """Fill what is marked; in live mode only what changed since the page's last result."""
        model = drawing.model or self.services.settings.model
        last = self._last(page, drawing.photo.id, model) if drawing.live else None
        start = start_from(rgb, drawing.mask, last)
        if last is not None and not start.todo.any():
            result = replace(last.made_by, rgb=start.base)
        else:
            result = self.engine.inpaint(
                model,
                start.base,
                start.todo,
                overtaken,
                quality="quick" if drawing.live else "full",
                in_place=start.own,
            )
        if start.rough.any():
            rough = start.rough if result.rough is None else start.rough | result.rough
            result = replace(result, rough=rough)
        if last is not None and self._is_up_to_date(page, drawing, last):
            return _Filled(result, start.changed, drawing.shown)
        return _Filled(result, drawing.mask)

    def _is_up_to_date(self, page: str, drawing: Drawing, last: KeptResult) -> bool:
        """Whether the page shows its last result as it is, and so needs only what changed."""
        # Full size or a refinement may not have reached the page before this question.
        shown = (drawing.shown, drawing.shown_version)
        return shown == (self.runs.recall(page), last.version)

    def _improve(
        self, identity: str, quality: Quality, page: str, overtaken: Callable[[], bool]
    ) -> tuple[_Filled, np.ndarray]:
        """Do a result's first looks anew at full size, or refine all of it, and keep that.

        Returns:
            What was filled anew, and the result's mask, bool (H, W).
        """
        with self._turn(page, overtaken):
            kept = self.results.get(identity)
            rgb = self.services.photos.decoded(self.services.photos.get(kept.photo)).rgb
            mask = kept.whole(rgb)[1]
            start = start_from(rgb, mask, None if quality == "refined" else kept, sharpen=True)
            if not start.todo.any():  # another question did it, whose answer the page has not got
                result = replace(kept.made_by, rgb=start.base)
                return _Filled(result, mask, identity, kept.version), mask
            progress = partial(self.runs.report, page)
            result = self.engine.inpaint(
                kept.asked, start.base, start.todo, overtaken, progress, quality, start.own
            )
            kept = self.results.better(identity, mask, result)
        return _Filled(result, start.todo, identity, kept.version), mask

    def _finished(self, identity: str) -> KeptResult:
        """The result, at full size also where the page only had a first look so far."""
        if self.results.get(identity).rough.any():
            self._improve(identity, "full", "", lambda: False)
        return self.results.get(identity)

    @contextmanager
    def _turn(self, page: str, overtaken: Callable[[], bool]) -> Iterator[None]:
        """Wait for the engine, and leave it to the next one afterwards."""
        with self.engine.turns.taken(overtaken):
            try:
                yield
            finally:
                self.runs.report(page, None)

    def _last(self, page: str, photo: str, model: str) -> KeptResult | None:
        """The page's last result if it is of this photo and model."""
        try:
            kept = self.results.get(self.runs.recall(page))
        except ValueError:
            return None
        return kept if kept.photo == photo and kept.asked == model else None

    def _merged(self, kept: KeptResult) -> Photo:
        photo = self.services.photos.decoded(self.services.photos.get(kept.photo))
        return merge(photo, *kept.whole(photo.rgb))


def _shown(photo: Photo, mask: np.ndarray, filled: _Filled, began: float) -> Answer:
    """What a page needs to show a result of `mask`, bool (H, W).

    Its seconds are counted from `began`, a moment of `time.perf_counter`.
    """
    result = filled.result
    verified = untouched_outside(photo.rgb, result.rgb, mask)
    return {
        "patches": [
            {
                "x": box.left, "y": box.top, "width": box.width, "height": box.height,
                "png": base64.b64encode(patch_png(photo, result.rgb[box.slices], box)).decode(),
            }
            for box in patches(filled.fresh)
        ],
        "keeps": filled.keeps, "version": filled.version,
        "seconds": round(time.perf_counter() - began, 3),
        "fraction": np.count_nonzero(mask) / mask.size,
        "model": result.model, "device": result.device, "precision": result.precision,
        "verified": verified, "rough": bool(result.rough is not None and result.rough.any()),
    }  # fmt: skip


def _drawn_by(
    strategy: str, rgb: np.ndarray, seed: int
) -> tuple[masks.GeneratedMask, dict[str, int]]:
    """A strategy's mask, and the parameters that differ from the published ones."""
    # The published lengths are pixels of a small picture: they would mark specks of a photo.
    dials = {dial.name for dial in masks.parameters(strategy)} & {"scale_with_image"}
    parameters = dict.fromkeys(dials, 1)
    made = masks.generate(strategy, rgb, 1, seed, None, **parameters)[0]
    if made.strategy_used == strategy:
        return made, parameters
    # The other strategy draws it anew, so that its own name and parameters tell how.
    other, parameters = _drawn_by(made.strategy_used, rgb, seed)
    return replace(other, note=made.note), parameters


def _preview(photo: Photo) -> bytes:
    """The picture as the app works on it, for formats that browsers show otherwise or not."""
    return patch_png(photo, photo.rgb, None)
