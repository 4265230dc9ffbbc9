"""Fine-tune a model on saved masks, judge it against its base, and promote it only if it may.

A run folder explains itself: `plan.json` (what was asked), `status.json` (where it is),
`stats.jsonl` (losses, and a quick look at held-out photos), `samples/`, `generator.safetensors`,
`state.pt`, and at the end `report.json`, `report.md` and `before-after.png`. A promoted model is
one file in the models folder, named after its base, the moment, and the revision of the masks that
it learned from.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import masks
from lama import registry
from lama.files import sha256_file, write_atomic
from lama.loading import load
from lama.photo import Photo
from lama.photo_write import save_photo
from lama.training.config import TrainConfig
from lama.training.data import MaskSampler
from lama.training.dataset_photos import DatasetTable, open_photos, row_digests
from lama.training.defaults import CASES, MARGIN
from lama.training.gallery import contact_sheet
from lama.training.holdout import by_content, read_digests, write_digests
from lama.training.judge import (
    Verdict,
    compare,
    doubt,
    fixed_cases,
    measure,
    table,
)
from lama.training.logged import LoggedMasks, load_masks, locate
from lama.training.loop import train
from lama.training.photos import Chosen, Indexed, Joined
from lama.training.promotion import model_name, promote
from lama.training.run import Run, TrainingError
from lama.training.setup import configure, resumed
from lama.training.signals import interruptible, stop_on_signal
from lama.training.state import WEIGHTS, goes_on
from lama.training.validation import Validation

logger = logging.getLogger(__name__)

MOST_PHOTOS, MOST_MASKS = 24, 48  # held out
WATCHED = 6  # held-out photos that the run is watched by
LOOKS = 10  # how often
CHANGES = ("steps", "batch", "lr", "masks_share", "seed", "workers")  # of a plan, to the preset


@dataclass(frozen=True)
class Plan:
    """What is to be done; None leaves a figure to the preset `fine-tune`."""

    dataset: str  # saved masks: the app's dataset folder, or a dataset on the Hub
    run_dir: Path
    models_dir: Path
    init: str = "lama-tiny"  # a name from `models`, or a path
    photos: tuple[str, ...] = ()  # the dataset's own otherwise
    steps: int | None = None
    batch: int | None = None
    lr: float | None = None
    masks_share: float | None = None
    seed: int | None = None
    workers: int | None = None
    cases: int = CASES  # holes of each shape that both models are judged by
    margin: float = MARGIN
    resume: bool = False


@dataclass(frozen=True)
class FinetuneOutcome:
    """How a fine-tuning ended.

    Attributes:
        phase: in a word, as in `status.json`.
        message: a sentence for the user.
        model: the promoted file, or None.
        verdict: of the judge, or None if it did not come to that.
    """

    phase: Literal["promoted", "refused", "stopped", "failed"]
    message: str
    model: Path | None = None
    verdict: Verdict | None = None


STOPPED = FinetuneOutcome("stopped", "stopped on request; resumed, it goes on from here")


@dataclass(frozen=True)
class Material:
    """What is trained on, and what is held out."""

    photos: Indexed
    held_photos: Indexed
    masks: LoggedMasks
    held_masks: LoggedMasks
    held: dict[str, list[str]]  # digests of the held-out masks and photos
    sources: tuple[str, ...]  # of the photos

    @property
    def revision(self) -> str:
        """Seven hex digits that name the set of masks, whatever their order."""
        every = [*self.masks.encoded, *self.held_masks.encoded]
        digests = sorted(hashlib.sha256(data).hexdigest() for data in every)
        return hashlib.sha256("".join(digests).encode()).hexdigest()[:7]


def finetune(plan: Plan) -> FinetuneOutcome:
    """Train, judge, and promote or refuse; whatever happens, `status.json` says so.

    Ctrl+C and SIGTERM stop it at any time; a plan with `resume` goes on from what was saved.

    Raises:
        ValueError: The plan cannot be carried out: no approved masks, too few photos, a folder that
            holds another run, several processes. The message says how to mend it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:  # each would judge and promote
        raise ValueError(
            "finetune takes one process: start it without torchrun or accelerate launch, or train "
            "on several with `train --masks-from`"
        )
    plan.run_dir.mkdir(parents=True, exist_ok=True)
    goes_on(plan.run_dir, plan.resume)
    try:
        with interruptible():
            outcome = _carry_out(plan)
    except KeyboardInterrupt:
        outcome = STOPPED
    except TrainingError as error:
        # The same steps from the same state would end in the same way.
        tell(plan.run_dir, "failed", str(error), resumable=False)
        return FinetuneOutcome("failed", str(error))
    except (ValueError, OSError) as error:
        tell(plan.run_dir, "failed", str(error))
        raise
    except BaseException:
        tell(plan.run_dir, "stopped", "ended before it was done")
        raise
    tell(plan.run_dir, outcome.phase, outcome.message, model=str(outcome.model or ""))
    return outcome


def _carry_out(plan: Plan) -> FinetuneOutcome:
    tell(plan.run_dir, "preparing", "reading masks and photos")
    base, _ = registry.locate(plan.init)
    changes = {name: getattr(plan, name) for name in CHANGES}
    going_on = goes_on(plan.run_dir, plan.resume)
    if going_on:
        _same_base(plan, base)
        config = resumed(plan.run_dir, changes)
    else:
        config = configure("fine-tune", changes, base)
    material = gather(plan, going_on)
    if not going_on:  # photos that are away today stay on record for the day they are back
        write_digests(plan.run_dir, material.held)
    facts = {
        **{k: str(v) if isinstance(v, Path) else v for k, v in asdict(plan).items()},
        "base_sha256": sha256_file(base) if base.is_file() else "",
        "revision": material.revision,
        "masks": [len(material.masks), len(material.held_masks)],
        "photos": [len(material.photos), len(material.held_photos)],
        "steps": config.steps,
        "seed": config.seed,
    }
    write_atomic(plan.run_dir / "plan.json", json.dumps(facts, indent=1).encode())
    if _train(plan, config, base, material):
        return STOPPED
    return _judge(plan, base, material, facts)


def gather(plan: Plan, again: bool = False) -> Material:
    """Read masks and photos and hold some of each out.

    Args:
        plan: what is to be done.
        again: hold out what the run held out before: masks and photos may have come or gone since.

    Raises:
        ValueError: There are too few of them, or no record of what was held out before.
    """
    before = read_digests(plan.run_dir) if again else {}
    logged = load_masks(plan.dataset)
    sources = plan.photos or (f"hf:{locate(plan.dataset)}",)
    _, everything, _ = open_photos(sources, 0)
    try:
        drawn = [_sha256(data) for data in logged.encoded]
        trained, held = by_content(drawn, MOST_MASKS, before.get("masks"))
    except ValueError as error:
        raise ValueError(f"approved masks: {error}. Approve more in the Review tab.") from error
    try:
        shown = photo_digests(everything)
        seen, unseen = by_content(shown, MOST_PHOTOS, before.get("photos"))
    except ValueError as error:
        raise ValueError(f"photos: {error}. Add photos, or name a folder of them.") from error
    return Material(
        Chosen(everything, seen),
        Chosen(everything, unseen),
        LoggedMasks([logged.encoded[i] for i in trained], plan.dataset),
        LoggedMasks([logged.encoded[i] for i in held], plan.dataset),
        {"masks": [drawn[i] for i in held], "photos": [shown[i] for i in unseen]},
        tuple(sources),
    )


def _same_base(plan: Plan, base: Path) -> None:
    path = plan.run_dir / "plan.json"
    before = json.loads(path.read_text()).get("base_sha256", "") if path.exists() else ""
    if before and base.is_file() and sha256_file(base) != before:
        raise ValueError(f"{plan.init} is not what this run began with: start a new one")


def photo_digests(everything: Indexed) -> list[str]:
    """What tells photos apart: the hash of their bytes.

    Many masks lie on one photo in a dataset of saved masks; without this, a photo that was held
    out in one row would be trained on in the next.
    """
    parts = everything.parts if isinstance(everything, Joined) else [everything]
    digests: list[str] = []
    for part in parts:
        if isinstance(part, DatasetTable):
            digests += row_digests(part)
            continue
        digests += [sha256_file(Path(part.name(index))) for index in range(len(part))]
    return digests


def _train(plan: Plan, config: TrainConfig, base: Path, material: Material) -> bool:
    """Train to the end or until told to stop; whether it was."""
    watched = (material.held_photos.read(i) for i in range(min(WATCHED, len(material.held_photos))))
    validation = Validation(
        (picture.image for picture in watched if picture is not None),
        _holes_of(material.held_masks),
        size=config.crop,
    )
    photos, drawn = material.photos, material.masks
    run = Run(
        config,
        plan.run_dir,
        photos,
        validation=validation,
        logged=drawn,
        sources=material.sources,
    )
    if not (plan.resume and run.resume()):
        run.start_from(base)
        first = {"step": 0, **validation.measure(run.best_generator, run.sheet)}
        with (plan.run_dir / "stats.jsonl").open("w") as file:
            file.write(json.dumps(first) + "\n")
    words = f"{len(drawn)} masks, {len(photos)} photos"
    tell(plan.run_dir, "training", words, since=run.step)
    often = max(1, config.steps // LOOKS)
    return train(run, save_every=often, log_every=max(1, config.steps // 100))


def _holes_of(held: LoggedMasks) -> MaskSampler:
    """Held-out masks as a strategy; a generated one where none fits."""
    fallback = masks.get("medium")

    def draw(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        hole = held.draw(image.shape[0], rng)
        return fallback(image, rng) if hole is None else hole

    return draw


def _judge(plan: Plan, base: Path, material: Material, facts: dict[str, Any]) -> FinetuneOutcome:
    """Measure both models on the same holes and decide."""
    cases = fixed_cases(material.held_photos, material.held_masks, plan.cases)
    trained = plan.run_dir / WEIGHTS
    before, after = load(base, precision="fp32"), load(trained, precision="fp32")
    names = (before.name, f"{before.name} fine-tuned")  # never the same

    def on_case(done: int) -> None:
        if done % 4 == 1 or done == len(cases):
            tell(plan.run_dir, "evaluating", f"hole {done} of {len(cases)}")

    report, exhibits = measure(
        cases, {names[0]: before.fill, names[1]: after.fill}, on_case=on_case
    )
    with stop_on_signal():  # it takes a moment, and half of it would be worse than all of it
        outcome = _decide(plan, material.revision, facts, report, names)
        save_photo(Photo(contact_sheet(exhibits), "PNG"), plan.run_dir / "before-after.png")
    return outcome


def _decide(
    plan: Plan, revision: str, facts: dict[str, Any], report: dict[str, Any], names: tuple[str, str]
) -> FinetuneOutcome:
    """Promote or refuse, and write down why."""
    trained = plan.run_dir / WEIGHTS
    verdict = compare(report, *names, plan.margin)
    name = model_name(names[0], revision)
    model = None
    if verdict.accepted:
        model = promote(trained, plan.models_dir / f"{name}.safetensors", facts, report, verdict)
        gain = verdict.changes["saved"]["lpips-vgg"]
        message = f"{name}: LPIPS {gain:+.1%} on held-out saved masks (below 0 is better)"
    else:
        message = "not promoted: " + "; ".join(verdict.reasons)
    if warning := doubt(report, facts["masks"][1], facts["photos"][1]):
        message += f". {warning}"
    found = {"plan": facts, "name": name, "shapes": report, "verdict": asdict(verdict)}
    write_atomic(plan.run_dir / "report.json", json.dumps(found, indent=1).encode())
    words = [
        f"# {name}\n", f"{message}.\n", table(report, verdict, *names) + "\n",
        f"{facts['masks'][0]} masks and {facts['photos'][0]} photos trained on, "
        f"{facts['masks'][1]} and {facts['photos'][1]} held out; {facts['steps']} steps; "
        f"a loss of {plan.margin:.1%} on any shape is allowed in l1 and lpips-vgg.\n",
    ]  # fmt: skip
    write_atomic(plan.run_dir / "report.md", "\n".join(words).encode())
    return FinetuneOutcome("promoted" if model else "refused", message, model, verdict)


def tell(run_dir: Path, phase: str, message: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    """Write where the run is, for whoever watches it."""
    status = {"phase": phase, "message": message, "time": time.time(), "pid": os.getpid(), **more}
    write_atomic(run_dir / "status.json", json.dumps(status).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
