"""The one place that loads weights and chooses the store."""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import gradio as gr
import numpy as np

import lama
from lama import inside, registry, selection
from lama.threads import cores, quickest, use_cores
from masks.selection import Prompt, Provider
from space import origin, theme, ui
from space.engine import Engine, InpaintResult, ModelInfo, Quality
from space.forgetting import note_uploads
from space.photos import PhotoShelf
from space.services import Services
from space.settings import Settings
from space.store import Store, hub
from space.store.connection import connect
from space.sweeping import sweeping
from space.sync import Sync, running
from space.train.tuned import TunedModel, tuned_models
from space.turns import Cancelled, CancelledError

log = logging.getLogger(__name__)
_TRIAL = 512
_MOST_LOADED = 4


class _Loaded(NamedTuple):
    """A model in memory, and what its file was like when it was read; None for known models."""

    inpainter: lama.Inpainter
    file: tuple[int, int] | None


class LamaEngine(Engine):
    """Models by name or path, loaded when first used; the last few are kept."""

    def __init__(self, first: str, models_dir: Path | None = None) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            first: The model that the app starts with: a name of the registry or a path.
            models_dir: Where fine-tuned models are; they can be chosen as soon as they are there.
        """
        super().__init__()
        if first not in registry.MODELS and not Path(first).exists():
            names = ", ".join(registry.MODELS)
            raise ValueError(f"There is no model {first!r}. Give a path, or one of: {names}.")
        self._first = first
        self._models_dir = models_dir
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()
        self._seconds: dict[str, float] = {}
        self._loading = threading.Lock()
        self._cores = cores()

    def models(self) -> tuple[ModelInfo, ...]:
        """All models of the registry, and the one the app was started with."""
        known = [self._info(entry) for entry in registry.MODELS.values()]
        if self._first not in registry.MODELS:
            path = Path(self._first)
            size = path.stat().st_size / 1e6 if path.is_file() else 0.0
            known.append(ModelInfo(self._first, path.stem, size, True, "your own"))
        for tuned in self._tuned().values():
            size = tuned.path.stat().st_size / 1e6
            known.append(ModelInfo(tuned.name, tuned.name, size, True, "as its base", tuned.note))
        complete = [self._measured(model) for model in known]
        return tuple(sorted(complete, key=lambda model: not model.on_disk))

    def _inpaint(
        self,
        model: str,
        rgb: np.ndarray,
        mask: np.ndarray,
        cancelled: Cancelled | None,
        progress: Callable[[float], None] | None,
        quality: Quality,
        in_place: bool,
    ) -> InpaintResult:
        use_cores(self._cores)  # this thread may have begun while another ran on fewer
        inpainter = self._get(model)
        start = time.perf_counter()
        try:
            filled = inpainter.fill(
                rgb,
                mask,
                out=rgb if in_place else None,
                quality=quality,
                cancelled=cancelled,
                progress=progress,
            )
        except lama.Cancelled as error:
            raise CancelledError from error
        return InpaintResult(
            filled,
            time.perf_counter() - start,
            inpainter.name,
            inpainter.device,
            inpainter.precision,
            inpainter.sha256,
            inpainter.coarse(mask) if quality == "quick" else None,
        )

    def _inside(
        self, model: str, rgb: np.ndarray, mask: np.ndarray, point: tuple[int, int] | None
    ) -> inside.Inside:
        use_cores(self._cores)
        return inside.look(self._get(model), rgb, mask, point)

    def download(self, model: str, progress: Callable[[float], None], cancelled: Cancelled) -> None:
        """Fetch weights; the stop is looked at whenever some of them have arrived."""

        def arrived(share: float) -> None:
            if cancelled():
                raise CancelledError
            progress(share)

        registry.download(model, arrived)

    def warm_up(self) -> None:
        """Load the first model and measure it in the background, so that no stroke waits."""
        threading.Thread(target=self._warm_up, daemon=True).start()

    def _warm_up(self) -> None:
        try:
            self._measure(self._first)
        except (ValueError, OSError) as error:
            log.warning("%s is not ready: %s", self._first, error)

    def _measure(self, model: str) -> None:
        """Time of a hole in the middle of a square photo; the first run only warms up."""
        rgb = np.random.default_rng(0).integers(0, 256, (_TRIAL, _TRIAL, 3), dtype=np.uint8)
        mask = np.zeros((_TRIAL, _TRIAL), dtype=bool)
        mask[180:330, 180:330] = True
        # Without a turn: no stroke waits for it.
        trial = partial(self._inpaint, model, rgb, mask, None, None, "full", False)
        times = [trial().seconds for _ in range(4)]
        self._seconds[model] = median(times[1:])
        self._choose_cores(model, rgb)

    def _choose_cores(self, model: str, rgb: np.ndarray) -> None:
        """Find out how many cores a stroke is filled on soonest."""
        inpainter = self._get(model)
        if inpainter.device != "cpu" or self._cores == 1:
            return
        stroke = np.zeros(rgb.shape[:2], dtype=bool)
        stroke[240:275, 200:310] = True
        inpainter.preview_cores = quickest(
            lambda: inpainter.fill(rgb, stroke, quality="quick"), (self._cores, 1)
        )

    def _get(self, model: str) -> lama.Inpainter:
        """A model in memory. A fine-tuned one goes with its file, and changes with it."""
        known = model == self._first or model in registry.MODELS
        with self._loading:
            tuned = None if known else self._tuned().get(model)
            file = None if tuned is None else _state(tuned.path)
            loaded = self._loaded.get(model)
            if loaded is None or loaded.file != file:
                self._forget(model)
                if model != self._first and tuned is None:
                    self._refuse(model)
                inpainter = lama.load(tuned.path if tuned else model)
                loaded = _Loaded(self._like_the_first(inpainter), file)
                self._loaded[model] = loaded
            self._loaded.move_to_end(model)
            for oldest in [name for name in self._loaded if name != self._first][:-_MOST_LOADED]:
                self._forget(oldest)
            return loaded.inpainter

    def _forget(self, model: str) -> None:
        self._loaded.pop(model, None)
        self._seconds.pop(model, None)

    def _like_the_first(self, inpainter: lama.Inpainter) -> lama.Inpainter:
        """What was found out about the first model holds for all of its layout."""
        first = self._loaded.get(self._first)
        if first is not None and first.inpainter.generator.config == inpainter.generator.config:
            inpainter.preview_cores = first.inpainter.preview_cores
        return inpainter

    def _tuned(self) -> dict[str, TunedModel]:
        """Fine-tuned models by name; none may take the name of a known one."""
        found = tuned_models(self._models_dir) if self._models_dir else []
        return {model.name: model for model in found if model.name not in registry.MODELS}

    def _refuse(self, model: str) -> None:
        """Only the operator may name a path: what a page asks for must be in the registry."""
        if model not in registry.MODELS:
            names = ", ".join(registry.MODELS)
            raise ValueError(f"There is no model named {model!r}. These exist: {names}.")
        if registry.find(model) is None:
            raise ValueError(
                f"{model} is not on this disk yet. Choose it on the page to fetch it, or run "
                f"`python -m lama models --download {model}` on the server."
            )

    def _info(self, entry: registry.ModelEntry) -> ModelInfo:
        path = registry.find(entry.name)
        return ModelInfo(
            entry.name, entry.title, entry.size / 1e6, path is not None, entry.licence, entry.note
        )

    def _measured(self, model: ModelInfo) -> ModelInfo:
        loaded = self._loaded.get(model.name)
        if loaded is None:
            return model
        return replace(
            model,
            seconds=self._seconds.get(model.name),
            device=loaded.inpainter.device,
            precision=loaded.inpainter.precision,
        )


def _state(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written anew; None for one that is gone."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size


def services(settings: Settings) -> Services:
    """Put the real engine, store and photo shelf together."""
    engine = LamaEngine(settings.model, settings.folders.models)
    engine.warm_up()
    photos = PhotoShelf(
        settings.folders.photos,
        limit_mb=settings.cache_mb,
        max_megapixels=settings.max_megapixels,
    )
    store = Store.open(settings.data_dir, max_pixels=settings.max_megapixels * 1_000_000)
    selector = selection.get(settings.selector)
    if settings.selector == "default":  # others may be large, and wait until they are used
        threading.Thread(target=_ready, args=(selector,), daemon=True).start()
    return Services(engine, store, settings, photos, syncing(settings, store), selector)


def _ready(selector: Provider) -> None:
    """Read the selector's weights before the first click."""
    selector.select(np.zeros((64, 64, 3), np.uint8), Prompt(points=((32, 32),)))


def syncing(settings: Settings, store: Store) -> Sync | None:
    """What pushes to the Hub; None where no dataset was named.

    Raises:
        SubmissionError: The data directory belongs to another dataset.
    """
    if settings.hub_dataset is None:
        return None
    hub.check(store.core, settings.hub_dataset)
    return Sync(store, connect(), settings.hub_dataset, settings.hub_minutes)


def launch(settings: Settings) -> None:
    """Serve the app until it is stopped."""
    accounts = settings.accounts()  # before any thread starts: a file that cannot be read ends here
    os.environ.setdefault("GRADIO_TEMP_DIR", str(settings.folders.uploads.resolve()))
    parts = services(settings)
    note_uploads(parts.store.core)
    demo: gr.Blocks = ui.build(parts)
    demo.queue(default_concurrency_limit=2, max_size=64)
    served = ui.served_folders(settings)
    gr.set_static_paths(served)  # answers are fetched where they lie, not from a copy of Gradio's
    with running(parts.sync), sweeping(parts):
        demo.launch(
            server_name=settings.host,
            server_port=settings.port,
            share=settings.share,
            auth=accounts,
            max_file_size=settings.max_file_mb * 1_000_000,
            allowed_paths=served,
            footer_links=["api"],
            run_history=False,
            show_error=True,
            theme=theme.theme(),
            head=theme.head(),
            app_kwargs={"middleware": origin.middleware()},
        )
