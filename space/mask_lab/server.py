"""What the Masks tab asks of the server, one JSON answer a question; never a traceback.

Every answer has ``ok``; if it is false, ``message`` says in the reader's words what to do.
"""

import logging
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

import masks
from masks.base import Image
from masks.files import encode_mask
from masks.statistics import summarize
from space.canvas.protocol import load_command
from space.mask_lab import archive, drawing, pictures, plot, reproduce, wishes
from space.mask_lab.reference import published
from space.mask_lab.scenery import Scenery, View
from space.photos import PhotoHandle
from space.services import Services

log = logging.getLogger(__name__)
Answer = dict[str, Any]
MEASURED = 1000
MEASURED_PIXELS = 2_000_000_000
"""How many masks, and how many pixels of masks, one measurement may take."""
PREVIEW_SIDE = 720
_EXPORT_SECONDS = 3600
_SUFFIX = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}


def _answered(question: Callable[[Any, dict], Answer]) -> Callable[[Any, dict], Answer]:
    def answer(server: Any, data: dict) -> Answer:  # noqa: ANN401
        try:
            return {"ok": True} | question(server, data if isinstance(data, dict) else {})
        except ValueError as error:
            return {"ok": False, "message": wishes.sentence(str(error))}
        except MemoryError:
            return {"ok": False, "message": "This is too much for the memory of this machine."}
        except OSError as error:
            log.exception("the question of the Masks tab failed")
            reason = error.strerror or "the disk did not answer"
            return {"ok": False, "message": f"The server's disk says: {reason}. Try once more."}
        except Exception:
            log.exception("the question of the Masks tab failed")
            return {"ok": False, "message": "That went wrong on the server. Try once more."}

    return answer


class LabServer:
    """The functions behind the Masks tab."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.scenery = Scenery(services.photos)
        self.exports = services.settings.cache_dir / "exports"

    @_answered
    def open_photo(self, data: dict) -> Answer:
        """Take an uploaded file: ``path`` as the upload answered it, ``name`` for showing."""
        path = Path(str(data.get("path", ""))).resolve()
        if not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
            raise ValueError("The photo did not arrive. Choose it once more.")
        handle = self.services.photos.put(path, Path(str(data.get("name") or path.name)).name)
        return self._shown(self.scenery.photo(handle.id))

    @_answered
    def show(self, data: dict) -> Answer:
        """A preview of a ``photo``, or of the landscape at ``width`` and ``height``."""
        return self._shown(wishes.read({**data, "values": {}}, self.scenery).view)

    @_answered
    def draw(self, data: dict) -> Answer:
        """Masks and all that is shown of them; ``data`` is a wish (`wishes.read`)."""
        wish = wishes.read(data, self.scenery)
        items, found = [], []
        for item in drawing.draw(wish, self.scenery):
            figures = drawing.figures(item)
            found.append(figures)
            items.append(
                {"overlay": pictures.overlay_png(item.mask)}
                | {k: v for k, v in asdict(figures).items() if k != "component_areas"}
            )
        holes = [area for figures in found for area in figures.component_areas]
        notes = sorted({figures.note for figures in found if figures.note})
        return {
            "items": items,
            "sizes": plot.hole_sizes(holes),
            "holes": len(holes),
            "python": reproduce.python(wish),
            "command": reproduce.command(wish),
            "note": wishes.sentence(" ".join(notes)) if notes else "",
            "fallbacks": sum(bool(figures.note) for figures in found),
        } | self._histogram(wish, [figures.area for figures in found])

    @_answered
    def measure(self, data: dict) -> Answer:
        """The histogram of many more masks of the same settings and seed."""
        wish = wishes.read(data, self.scenery)
        fitting = MEASURED_PIXELS // (wish.view.width * wish.view.height)
        many = replace(wish, count=max(wish.count, min(MEASURED, fitting)))
        return self._histogram(many, drawing.areas(many, self.scenery))

    @_answered
    def save(self, data: dict) -> Answer:
        """A ZIP of all masks, or the PNG of mask ``index``; answers with its address."""
        wish = wishes.read(data, self.scenery)
        stem = f"{wish.strategy.name}-seed{wish.seed}"
        if data.get("index") is None:
            return self._export(archive.pack(wish, self.scenery), f"masks-{stem}.zip")
        index = wishes.whole(data["index"], "The mask's number", 0, wish.count - 1)
        item = drawing.draw_one(wish, self.scenery, index)
        return self._export(encode_mask(item.mask), f"mask-{stem}-{index:04d}.png")

    def to_canvas(self, data: dict) -> dict:
        """What makes the canvas show mask ``index`` of a wish over its picture.

        Raises:
            ValueError: In the reader's words.
        """
        wish = wishes.read(data, self.scenery)
        index = wishes.whole(data.get("index"), "The mask's number", 0, wish.count - 1)
        item = drawing.draw_one(wish, self.scenery, index)
        handle, url = self._servable(wish.view)
        return load_command(handle, url, item.mask, item.strategy_used)

    def functions(self) -> list[Callable[[dict], Answer]]:
        """The questions as plain functions, for gr.HTML's ``server_functions``."""
        names = ("open_photo", "show", "draw", "measure", "save")
        return [_named(name, getattr(self, name)) for name in names]

    def _histogram(self, wish: wishes.Wish, areas: list[float]) -> Answer:
        summary = summarize(areas)
        reference = published(wish.strategy.name, min(wish.view.height, wish.view.width))
        return {
            "plot": plot.hole_areas(summary, reference),
            "summary": asdict(summary),
            "reference": reference.label if reference else "",
        }

    def _shown(self, view: View) -> Answer:
        return {
            "photo": view.handle.id if view.handle else "",
            "name": view.handle.name if view.handle else "",
            "width": view.width,
            "height": view.height,
            "preview": pictures.preview(self._scenery_for_show(view), PREVIEW_SIDE),
        }

    def _scenery_for_show(self, view: View) -> Image:
        """The picture; the landscape is drawn finer than it is where that is small."""
        longest = max(view.width, view.height)
        if view.handle is not None or longest >= PREVIEW_SIDE:
            return view.image
        finer = PREVIEW_SIDE / longest
        return masks.scene(round(view.height * finer), round(view.width * finer))

    def _servable(self, view: View) -> tuple[PhotoHandle, str]:
        """The picture on the shelf, and where the browser gets it at its full, upright size."""
        shelf = self.services.photos
        if view.handle is None:
            workshop = self._workshop()
            path = workshop / "landscape.png"
            path.write_bytes(pictures.lossless(view.image))
            return shelf.put(path, "landscape.png"), f"gradio_api/file={path.resolve()}"
        if view.handle.plain:
            content = view.handle.path.read_bytes()
            name = "photo" + _SUFFIX.get(view.handle.format, ".png")
        else:
            content, name = pictures.lossless(shelf.decoded(view.handle).rgb), "photo.png"
        return view.handle, self._export(content, name)["url"]

    def _workshop(self) -> Path:
        for old in self.exports.iterdir() if self.exports.is_dir() else ():
            if old.stat().st_mtime < time.time() - _EXPORT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        folder = self.exports / secrets.token_urlsafe(16)
        folder.mkdir(parents=True)
        return folder

    def _export(self, content: bytes, name: str) -> Answer:
        """Write a file that the browser may fetch for an hour."""
        path = self._workshop() / name
        path.write_bytes(content)
        return {"url": f"gradio_api/file={path.resolve()}", "name": name}


def _named(name: str, method: Callable[[dict], Answer]) -> Callable[[dict], Answer]:
    def question(data: dict) -> Answer:
        return method(data)

    question.__name__ = name
    return question
