"""Networks from the Hub that select objects, through `transformers`: an extra, on request.

SAM answers clicks and boxes (Kirillov et al. 2023); panoptic networks label all things of a photo,
and a click takes the thing under it. Nothing is imported or downloaded before a name is used.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from masks.base import Image, Mask
from masks.selection import Prompt, check, tidy

KEPT = 4
"""Photos whose features are kept, so that the second click is quick."""


@dataclass(frozen=True)
class HubModel:
    """A network by name.

    Attributes:
        repository: where it lies on the Hub, or a folder.
        family: sam or panoptic.
        licence: of the weights, as their authors state it.
        things: labels below this are things, the others stuff (panoptic only).
    """

    repository: str
    family: str
    licence: str
    things: int = 80


MODELS = {
    "sam-base": HubModel("facebook/sam-vit-base", "sam", "Apache-2.0"),
    "sam-large": HubModel("facebook/sam-vit-large", "sam", "Apache-2.0"),
    "detr-panoptic": HubModel("facebook/detr-resnet-50-panoptic", "panoptic", "Apache-2.0", 91),
    "mask2former": HubModel(
        "facebook/mask2former-swin-tiny-coco-panoptic", "panoptic", "other, see its model card"
    ),
}


class _Kept:
    """The last few photos' features, by the photo's content."""

    def __init__(self) -> None:
        self._values: OrderedDict[bytes, Any] = OrderedDict()

    def get(self, image: Image, compute: Any) -> Any:  # noqa: ANN401 - tensors or label maps
        """Return what was computed for this photo before, or compute it."""
        key = sha256(image.tobytes()).digest() + repr(image.shape).encode()
        if key not in self._values:
            self._values[key] = compute(image)
        self._values.move_to_end(key)
        while len(self._values) > KEPT:
            self._values.popitem(last=False)
        return self._values[key]


class _OfTransformers:
    """A network and its processor, loaded when first asked, and what they saw of recent photos."""

    classes: ClassVar[tuple[str, str]]  # of `transformers`: the network's, the processor's

    def __init__(self, name: str, model: HubModel) -> None:
        self.name, self.model = name, model
        self._kept = _Kept()

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        transformers = _transformers()
        network, processor = (getattr(transformers, name) for name in self.classes)
        return _loaded(self.model, network, processor)


class Sam(_OfTransformers):
    """A network of the SAM family; see `masks.selection.Provider`."""

    classes = ("SamModel", "SamProcessor")

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """See `masks.selection.Provider`."""
        prompt = check(image, prompt)
        return tidy(self._ask(image, prompt), prompt)

    @torch.inference_mode()
    def _ask(self, image: Image, prompt: Prompt) -> Mask:
        """Return the one of SAM's three masks that it expects to be best, bool (H, W)."""
        network, processor = self._parts
        where: dict[str, Any] = {}
        points = [list(point) for point in (*prompt.points, *prompt.not_points)]
        if points:
            where["input_points"] = [[points]]
            where["input_labels"] = [[[1] * len(prompt.points) + [0] * len(prompt.not_points)]]
        if prompt.box is not None:
            where["input_boxes"] = [[list(prompt.box)]]
        asked = processor(image, return_tensors="pt", **where)
        pixels = asked.pop("pixel_values")
        sizes = asked.pop("original_sizes"), asked.pop("reshaped_input_sizes")
        features = self._kept.get(image, lambda _: network.get_image_embeddings(pixels))
        answer = network(image_embeddings=features, multimask_output=True, **asked)
        masks = processor.image_processor.post_process_masks(answer.pred_masks, *sizes)[0][0]
        best = int(answer.iou_scores[0, 0].argmax())
        found: Mask = masks[best].numpy().astype(np.bool_)
        return found


class Panoptic(_OfTransformers):
    """A panoptic or instance network; see `masks.selection.Provider`."""

    classes = ("AutoModelForUniversalSegmentation", "AutoImageProcessor")

    def select(self, image: Image, prompt: Prompt) -> Mask:
        """The things that were clicked, or the one that fits the box best."""
        prompt = check(image, prompt)
        labels = self._kept.get(image, self._look)
        if prompt.box is not None:
            return _fitting(labels, prompt)
        clicked = {int(labels[int(y), int(x)]) for x, y in prompt.points}
        away = {int(labels[int(y), int(x)]) for x, y in prompt.not_points}
        return np.isin(labels, sorted(clicked - away - {0}))

    @torch.inference_mode()
    def _look(self, image: Image) -> NDArray[np.int32]:
        """Return all things of the photo by number, (H, W), the surest is 1; 0 = the rest."""
        network, processor = self._parts
        inputs = processor(images=image, return_tensors="pt")
        found = processor.post_process_panoptic_segmentation(
            network(**inputs), threshold=0.5, target_sizes=[image.shape[:2]]
        )[0]
        segments = found["segmentation"].numpy()
        things = [s for s in found["segments_info"] if s["label_id"] < self.model.things]
        things.sort(key=lambda segment: -segment["score"])
        labels = np.zeros(image.shape[:2], np.int32)
        for number, segment in enumerate(things, start=1):
            labels[segments == segment["id"]] = number
        return labels


def provider(name: str) -> Sam | Panoptic:
    """Return a network by its name in `MODELS`, or a folder that `transformers` wrote.

    Raises:
        ValueError: the name is unknown.
    """
    model = MODELS.get(name)
    if model is None and Path(name).is_dir():
        try:
            words = (Path(name) / "config.json").read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"{name} is no folder that transformers wrote: {error}") from error
        family = "sam" if '"sam"' in words else "panoptic"
        model = HubModel(name, family, "your own")
    if model is None:
        raise ValueError(f"there is no selector {name!r}; there are {', '.join(MODELS)}")
    return Sam(name, model) if model.family == "sam" else Panoptic(name, model)


def _fitting(labels: NDArray[Any], prompt: Prompt) -> Mask:
    left, top, right, bottom = (round(side) for side in prompt.box or (0, 0, 0, 0))
    inside = np.zeros(labels.shape, np.bool_)
    inside[top:bottom, left:right] = True
    best, mask = 0.0, np.zeros(labels.shape, np.bool_)
    for number in np.unique(labels[inside]):
        thing = labels == number
        share = (thing & inside).sum() / (thing | inside).sum()
        if number and share > best:
            best, mask = float(share), thing
    return mask


def _transformers() -> Any:  # noqa: ANN401 - a module
    try:
        import transformers  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ValueError(
            "networks from the Hub need the package transformers: "
            "pip install -r requirements-hub.txt"
        ) from error
    return transformers


def _loaded(model: HubModel, network: Any, processor: Any) -> tuple[Any, Any]:  # noqa: ANN401
    try:
        return (
            network.from_pretrained(model.repository).eval(),
            processor.from_pretrained(model.repository),
        )
    except OSError as error:
        raise ValueError(
            f"{model.repository} is not on this disk and could not be fetched: with a network, run "
            f"hf download {model.repository}"
        ) from error
