"""The command line: python -m lama {inpaint,train,finetune,ablate,evaluate,models}.

Bad input ends with exit code 2 and one line that says what to do.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from lama import extras, registry
from lama.batch import inpaint_files
from lama.files import code_digest, sha256_file
from lama.photo_write import SUFFIX
from lama.training.ablate_command import add_ablate
from lama.training.finetune_command import add_finetune
from lama.training.train_command import add_train
from masks.arguments import Parser, line, natural, positive

METRICS = ["l1", "psnr", "ssim", "lpips-alex", "lpips-vgg", "kid-efficientnet-lite0"]
FILLS = ["telea", "navier-stokes", "biharmonic", "patchmatch", "exemplar"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    options = argparse.Namespace(verb=None)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        _parser().parse_args(arguments, options)
        return options.run(options)
    except (ValueError, OSError) as error:
        where = f"lama {options.verb}" if options.verb else "lama"
        print(f"{where}: {line(error)}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        package = str(error.name).split(".")[0]
        if package not in extras.NEEDED:
            raise
        print(f"lama {options.verb}: {package} is missing: {extras.INSTALL}", file=sys.stderr)
        return 2


def _parser() -> Parser:
    parser = Parser("python -m lama", description="Large-mask inpainting.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    _add_inpaint(verbs.add_parser("inpaint", help="fill the holes of one photo or of a folder"))
    add_train(verbs.add_parser("train", help="train a generator"))
    add_finetune(
        verbs.add_parser("finetune", help="train on saved masks, judge, promote if good enough")
    )
    add_ablate(verbs.add_parser("ablate", help="the paper's ablations, at a budget"))
    _add_evaluate(verbs.add_parser("evaluate", help="measure models against classical fills"))
    models = verbs.add_parser("models", help="what can be loaded by name")
    models.add_argument("--download", metavar="NAME", help="fetch a model from the Hub")
    models.set_defaults(run=_models)
    return parser


def _add_inpaint(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("image", type=Path, metavar="IMAGE_OR_DIR", help="a photo, or a folder of photos")
    add(
        "--mask",
        type=Path,
        required=True,
        metavar="MASK_OR_DIR",
        help="what is not black is filled; one mask for all, or a folder with the photos' names",
    )
    add("--output", type=Path, required=True, metavar="OUT",
        help=f"a file ({' '.join(sorted(SUFFIX.values()))}), or a folder")  # fmt: skip
    add("--grow", type=natural, default=0, metavar="PIXELS",
        help="make every hole wider by so many pixels (0)")  # fmt: skip
    add("--refine", action="store_true", help="take longer over large holes")
    add("--model", default="lama-tiny", help="a name from `models`, or a path (lama-tiny)")
    _add_machine(parser)
    parser.set_defaults(run=_inpaint)


def _add_machine(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, mps, xpu")
    add(
        "--precision",
        default="auto",
        choices=("auto", "fp32", "bf16", "int8"),
        help="auto (default): the quickest that is good enough",
    )


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--photos", type=Path, nargs="+", required=True, metavar="DIR",
        help="folders of photos, searched recursively")  # fmt: skip
    add(
        "--strategy",
        nargs="+",
        default=["thick"],
        help="how holes are drawn, see `python -m masks --list`; each at each size (thick)",
    )
    add(
        "--size",
        type=positive,
        nargs="+",
        default=[256],
        help="sides of the squares in pixels (256)",
    )
    add("--seed", type=natural, default=0, help="of the holes (0)")
    add("--limit", type=positive, metavar="N", help="only the first N photos")
    add("--output", type=Path, required=True, metavar="report.json", help="sheets land beside it")
    add("--cache", type=Path, metavar="DIR", help="keep fills and numbers here for the next time")
    add(
        "--fills",
        nargs="*",
        default=FILLS,
        help=f"classical fills to compare with ({' '.join(FILLS)})",
    )
    add("--metrics", nargs="+", default=METRICS, help=f"what to measure ({' '.join(METRICS)})")
    add(
        "--model",
        "--models",
        nargs="+",
        default=["lama-tiny"],
        help="names from `models`, or paths; several are compared (lama-tiny)",
    )
    _add_machine(parser)
    parser.set_defaults(run=_evaluate)


def _inpaint(options: argparse.Namespace) -> int:
    from lama.loading import load

    for path in (options.image, options.mask):
        if not path.exists():
            raise ValueError(f"{path} does not exist")
    inpainter = load(options.model, options.device, options.precision)
    quality: Literal["full", "refined"] = "refined" if options.refine else "full"
    fill = partial(inpainter.fill, quality=quality)
    alone = options.refine or options.image.is_file()
    workers, prepare = (1, None) if alone else inpainter.share_cores()
    code = code_digest("lama", "masks", without="lama/training")  # may fill in another way one day
    outcome = inpaint_files(
        fill,
        options.image,
        options.mask,
        options.output,
        grow=options.grow,
        made_with=f"{inpainter.sha256} {quality} {inpainter.precision} {code}",
        workers=workers,
        prepare=prepare,
    )
    for path, reason in outcome.failed:
        print(f"{path}: {reason}", file=sys.stderr)
    already = f", {outcome.already} were there already" if outcome.already else ""
    print(
        f"{outcome.filled} filled, {len(outcome.failed)} failed{already}, "
        f"with {inpainter.name} {inpainter.precision}"
    )
    return 2 if outcome.failed else 0


def _evaluate(options: argparse.Namespace) -> int:
    from lama.training import report
    from lama.training.cache import Cache
    from lama.training.cases import cells
    from lama.training.evaluate import EvalConfig, classical, evaluate, learned
    from lama.training.photos import find_photos

    _check_report(options.output)
    wanted = cells(options.strategy, options.size)
    config = EvalConfig(options.photos, wanted, options.metrics, options.limit, options.seed)
    methods = classical(options.fills)
    methods += learned(options.model, options.device, options.precision)
    results = evaluate(config, methods, Cache(options.cache))
    facts = {
        "photos": [str(path) for path in options.photos],
        "limit": options.limit,
        "seed": options.seed,
        "sha256": {str(p): sha256_file(p) for p in find_photos(config.photos)[: config.limit]},
    }
    found = report.summarise(results, methods, facts)
    files = report.write(options.output, found, results)
    print(report.markdown(found))
    print(f"\nwritten: {', '.join(str(path) for path in files)}")
    return 0


def _check_report(path: Path) -> None:
    """ValueError if a report cannot be written there: better now than when all is measured."""
    if path.is_dir() or path.suffix != ".json":
        raise ValueError(f"--output is a file such as report.json, not {path}: its .md lies beside")
    above = next(p for p in path.absolute().parents if p.exists())
    if not above.is_dir():
        raise ValueError(f"{path} cannot be written: {above} is no folder")


def _models(options: argparse.Namespace) -> int:
    if options.download:
        path = registry.download(options.download)
        print(f"{options.download} is in {path}")
        return 0
    for model in registry.MODELS.values():
        where = registry.find(model.name)
        print(f"{model.name:<12} {model.size / 1e6:6.1f} MB  {where or 'not on this disk'}")
        print(f"{'':<12} {model.note}")
        print(f"{'':<12} licence {model.licence}; from {model.source}; sha256 {model.sha256}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
