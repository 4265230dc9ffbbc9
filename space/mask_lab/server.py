"""What the Masks tab asks of the server: one JSON answer a question, as `space.answers` has it."""

from collections.abc import Callable
from dataclasses import asdict, replace

import masks
from lama.photo_write import SUFFIX
from masks.base import Image
from masks.files import encode_mask
from masks.statistics import summarize
from space.answers import Answer, answered, named
from space.canvas.pictures import plain_png
from space.canvas.protocol import load_command
from space.exports import address_of
from space.mask_lab import archive, drawing, pictures, plot, reproduce, wishes
from space.mask_lab.reference import published
from space.mask_lab.scenery import Scenery, View
from space.photos import PhotoHandle
from space.services import Services
from space.turns import WorkQueue
from space.uploads import arrived
from space.words import sentence, whole

MEASURED = 1000
MEASURED_PIXELS = 2_000_000_000
"""How many masks, and how many pixels of masks, one measurement may take."""
PREVIEW_SIDE = 720
_Method = Callable[["LabServer", dict], dict]


def _in_turn(queue: str) -> Callable[[_Method], _Method]:
    """Let a method of the server wait for its turn in one of the server's queues."""

    def wrap(method: _Method) -> _Method:
        def in_turn(server: "LabServer", data: dict) -> dict:
            with getattr(server, queue).taken():
                return method(server, data)

        in_turn.__doc__ = method.__doc__
        return in_turn

    return wrap


class LabServer:
    """The functions behind the Masks tab."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.scenery = Scenery(services.photos)
        self.exports = services.exports
        self.drawing = WorkQueue(at_once=2, most_waiting=8)
        self.measuring = WorkQueue(at_once=1, most_waiting=2)  # takes seconds: apart from others

    @answered(sentence)
    @_in_turn("drawing")
    def open_photo(self, data: dict) -> Answer:
        """Take an uploaded file: `path` as the upload answered it, `name` for showing."""
        handle = self.services.photos.put(*arrived(data))
        return self._shown(self.scenery.photo(handle.id, handle.name))

    @answered(sentence)
    @_in_turn("drawing")
    def show(self, data: dict) -> Answer:
        """A preview of a `photo`, or of the landscape at `width` and `height`."""
        return self._shown(wishes.read({**data, "values": {}}, self.scenery).view)

    @answered(sentence)
    @_in_turn("drawing")
    def draw(self, data: dict) -> Answer:
        """Masks and all that is shown of them; `data` is a wish (`wishes.read`)."""
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
            "note": sentence(" ".join(notes)) if notes else "",
            "fallbacks": sum(bool(figures.note) for figures in found),
        } | self._histogram(wish, [figures.area for figures in found])

    @answered(sentence)
    @_in_turn("measuring")
    def measure(self, data: dict) -> Answer:
        """The histogram of many more masks of the same settings and seed."""
        wish = wishes.read(data, self.scenery)
        fitting = MEASURED_PIXELS // (wish.view.width * wish.view.height)
        many = replace(wish, count=max(wish.count, min(MEASURED, fitting)))
        return self._histogram(many, drawing.areas(many, self.scenery))

    @answered(sentence)
    @_in_turn("drawing")
    def save(self, data: dict) -> Answer:
        """A ZIP of all masks, or the PNG of mask `index`; answers with its address."""
        wish = wishes.read(data, self.scenery)
        stem = f"{wish.strategy.name}-seed{wish.seed}"
        if data.get("index") is None:
            return self._export(archive.pack(wish, self.scenery), f"masks-{stem}.zip")
        index = whole(data["index"], "The mask's number", 0, wish.count - 1)
        item = drawing.draw_one(wish, self.scenery, index)
        return self._export(encode_mask(item.mask), f"mask-{stem}-{index:04d}.png")

    @_in_turn("drawing")
    def to_canvas(self, data: dict) -> dict:
        """What makes the canvas show mask `index` of a wish over its picture.

        Raises:
            ValueError: In the reader's words.
        """
        wish = wishes.read(data, self.scenery)
        index = whole(data.get("index"), "The mask's number", 0, wish.count - 1)
        item = drawing.draw_one(wish, self.scenery, index)
        handle, url = self._servable(wish.view)
        return load_command(handle, url, item.mask, item.strategy_used)

    def functions(self) -> list[Callable[[dict], Answer]]:
        """The questions as plain functions, for gr.HTML's `server_functions`."""
        names = ("open_photo", "show", "draw", "measure", "save")
        return [named(name, getattr(self, name)) for name in names]

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
            path = self.exports.put(plain_png(view.image), "landscape.png")
            return shelf.put(path, "landscape.png"), address_of(path)
        if view.handle.plain:
            content = view.handle.path.read_bytes()
            name = "photo" + SUFFIX[view.handle.format]
        else:
            content, name = plain_png(shelf.decoded(view.handle).rgb), "photo.png"
        return view.handle, self._export(content, name)["url"]

    def _export(self, content: bytes, name: str) -> Answer:
        """Write a file that the browser may fetch for an hour."""
        return {"url": self.exports.address(content, name), "name": name}
