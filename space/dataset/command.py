"""The command line of the dataset: look at it, check, copy in and out, publish, restore, delete.

Exit codes: 0 done, 1 it could not be done or something is wrong with the data, 2 bad input.
"""

import argparse
import json
import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from masks.arguments import LeavingParser
from space import contributions
from space.dataset import removal
from space.settings import ENVIRONMENT, at_home
from space.store import LICENCES, STATUSES, Filters, Record, Store, StoreError, SubmissionError
from space.store.connection import connect
from space.store.exporting import KINDS, export
from space.store.hub import check_name, push
from space.store.importing import Answer, import_from
from space.store.restoring import restore
from space.words import counted

_TOKEN = "(HF_TOKEN, or `hf auth login`)"
Say = Callable[[str], None]


def main(arguments: Sequence[str], say: Say, hub: HfApi | None = None) -> int:
    """Run one command.

    Args:
        arguments: What stands behind `python -m space`.
        say: Takes each line of output.
        hub: Stands in for the Hugging Face Hub in tests.

    Returns:
        The exit code.
    """
    parser = _parser()
    chosen = parser.parse_args(_with_receipt(arguments))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        for name in ("data_dir", "output", "source"):
            if hasattr(chosen, name):
                setattr(chosen, name, at_home(getattr(chosen, name)))
    except ValueError as error:
        parser.error(str(error))
    if (
        chosen.run not in (_import, _restore)
        and not (chosen.data_dir / "index.sqlite").is_file()
        and not (chosen.data_dir / "dataset").is_symlink()
    ):
        parser.error(f"There is no dataset in {chosen.data_dir}. Give its directory: --data-dir.")
    try:
        if hasattr(chosen, "hub_dataset"):  # before a new store is made
            if not chosen.hub_dataset:
                parser.error("Say which dataset on the Hub: --hub-dataset USER/NAME.")
            check_name(chosen.hub_dataset)
        store = Store.open(chosen.data_dir)
        try:
            return int(chosen.run(store, chosen, say, hub))
        finally:
            store.close()
    except SubmissionError as error:
        parser.error(str(error))
    except StoreError as error:
        say(f"{parser.prog}: {error}")
        return 1


def _with_receipt(arguments: Sequence[str]) -> list[str]:
    """Receipts of earlier versions may begin with a dash: what follows the flag is one, always."""
    given = list(arguments)
    if "--receipt" in given[:-1]:
        at = given.index("--receipt")
        given[at : at + 2] = [f"--receipt={given[at + 1]}"]
    return given


def _parser() -> LeavingParser:
    parser = LeavingParser(
        prog="python -m space", description="The dataset of saved masks, without the app."
    )
    groups = parser.add_subparsers(metavar="dataset", required=True)
    dataset = groups.add_parser(
        "dataset",
        help="look at, check, copy, publish and delete saved records",
        description="Look at, check, copy, publish and delete saved records. Safe while the app "
        "is running.",
    )
    verbs = dataset.add_subparsers(required=True)
    _verb(verbs, "info", _info, "say how many records there are, and of which kind")
    _verb(verbs, "verify", _verify, "check every byte of photos, masks, shards and index")

    _add_copies(verbs)
    _add_hub(verbs)
    _add_deleting(verbs)
    return parser


def _add_copies(verbs: Any) -> None:  # noqa: ANN401 - argparse keeps the type to itself
    """The verbs that copy records out and in."""
    exporting = _verb(verbs, "export", _export, "copy records out for other programs")
    exporting.add_argument(
        "--format", choices=KINDS, default="imagefolder", help="default: imagefolder"
    )
    exporting.add_argument(
        "--output", type=Path, required=True, metavar="PATH", help="a new directory, or ZIP file"
    )
    exporting.add_argument("--status", choices=STATUSES, help="only records of this status")
    exporting.add_argument("--licence", choices=LICENCES, help="only records of this licence")

    importing = _verb(
        verbs, "import", _import, "take exported records in, with their masks as they were"
    )
    importing.add_argument(
        "source",
        type=Path,
        help="a directory (imagefolder, COCO, Parquet), or ZIP or Parquet file",
    )
    importing.add_argument(
        "--licence", choices=LICENCES, help="of pictures that come without one; needs --consent"
    )
    importing.add_argument(
        "--consent",
        action="store_true",
        help="whoever made these pictures agreed to have them stored and used for training",
    )


def _add_deleting(verbs: Any) -> None:  # noqa: ANN401
    """The verb that deletes, for who has a receipt and for who runs the app."""
    deleting = _verb(verbs, "delete", _delete, "delete records for good")
    deleting.add_argument("record_id", nargs="?", help="one record, with --receipt or --operator")
    way = deleting.add_mutually_exclusive_group(required=True)
    way.add_argument("--receipt", metavar="KEY", help="the token from the record's receipt")
    way.add_argument(
        "--operator", action="store_true", help="without a receipt: you answer for this dataset"
    )
    way.add_argument(
        "--contributor", metavar="PSEUDONYM", help="everything of a contributor, such as user-1f0c"
    )
    way.add_argument("--user", metavar="NAME", help="everything of who signs in with this name")
    deleting.add_argument(
        "--dry-run", action="store_true", help="only list what would be deleted without a receipt"
    )


def _add_hub(verbs: Any) -> None:  # noqa: ANN401
    """The verbs that talk to the Hub."""
    pushing = _verb(
        verbs,
        "push",
        _push,
        f"bring a dataset on the Hugging Face Hub up to date {_TOKEN}",
    )
    pushing.add_argument(
        "--status",
        choices=STATUSES,
        nargs="+",
        default=["approved"],
        help="records of these go up; default: approved. Private records never do",
    )
    pushing.add_argument(
        "--public", action="store_true", help="if the repository is made now, make it public"
    )
    pushing.add_argument(
        "--again",
        action="store_true",
        help="send again what was withdrawn there since this copy of the data directory was made",
    )

    restoring = _verb(
        verbs,
        "restore",
        _restore,
        f"fetch the records of a dataset on the Hub that are not here {_TOKEN}",
    )
    for verb in (pushing, restoring):
        verb.add_argument(
            "--hub-dataset",
            metavar="USER/NAME",
            default=_hub_dataset(),
            help=f"the repository; default: {ENVIRONMENT['hub_dataset']} of the environment",
        )


def _hub_dataset() -> str | None:
    return os.environ.get(ENVIRONMENT["hub_dataset"])


def _verb(verbs, name: str, run: Callable[..., int], words: str) -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]  # noqa: ANN001
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=words, description=f"{words[0].upper()}{words[1:]}."
    )
    variable = ENVIRONMENT["data_dir"]
    verb.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        default=Path(os.environ.get(variable) or "data"),
        help=f"where the app keeps its data; default: {variable} of the environment, or `data`",
    )
    verb.set_defaults(run=run)
    return verb


def _info(store: Store, _: argparse.Namespace, say: Say, __: HfApi | None) -> int:
    say(json.dumps(store.info() | {"strategies": store.strategies()}, indent=2))
    say(f'load_dataset("{store.dataset_dir}", split="train")')
    return 0


def _verify(store: Store, _: argparse.Namespace, say: Say, __: HfApi | None) -> int:
    report = store.verify()
    for problem in report.problems:
        say(problem)
    say(
        f"{counted(report.records, 'record')}, {counted(report.files, 'file')} and "
        f"{counted(report.shards, 'shard')} checked: "
        + ("all sound" if report.sound else counted(len(report.problems), "problem"))
    )
    return 0 if report.sound else 1


def _export(store: Store, chosen: argparse.Namespace, say: Say, _: HfApi | None) -> int:
    filters = Filters(status=chosen.status, licence=chosen.licence)
    try:
        count = export(store.core, chosen.format, chosen.output, filters)
    except OSError as error:
        raise StoreError(f"Could not write {chosen.output}: {error.strerror or error}.") from error
    say(f"{counted(count, 'record')} written to {chosen.output}")
    return 0


def _import(store: Store, chosen: argparse.Namespace, say: Say, _: HfApi | None) -> int:
    if bool(chosen.licence) != chosen.consent:
        raise SubmissionError("--licence and --consent belong together: give both or neither.")
    answer = Answer(chosen.licence, True) if chosen.consent else None
    receipts = chosen.data_dir / "receipts" / f"import-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.txt"
    try:
        done = import_from(store.core, chosen.source, answer, take=partial(_keep, receipts))
    finally:  # what was stored before something was refused has receipts too
        if receipts.exists():
            say(f"Receipts, each an id and a key: {receipts}")
    say(f"{counted(done.records, 'record')} taken in from {chosen.source}")
    if done.known:
        say(f"{counted(done.known, 'record')} left out: here already, or deleted here.")
    return 0


def _keep(path: Path, record_id: str, token: str) -> None:
    """Write a receipt down, as it is pasted to delete the record; only its owner reads the file."""
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(f"{record_id} {token}\n")


def _restore(store: Store, chosen: argparse.Namespace, say: Say, hub: HfApi | None) -> int:
    count = restore(store.core, hub or connect(), chosen.hub_dataset)
    say(f"{counted(count, 'record')} restored from {chosen.hub_dataset}.")
    return 0


def _push(store: Store, chosen: argparse.Namespace, say: Say, hub: HfApi | None) -> int:
    done = push(
        store.core,
        hub or connect(),
        chosen.hub_dataset,
        chosen.status,
        private=not chosen.public,
        again=chosen.again,
    )
    say(
        f"{counted(done.records, 'record')} in {counted(done.shards, 'new shard')} pushed, "
        f"{counted(done.withdrawn, 'shard')} withdrawn; "
        f"there: {counted(done.on_hub, 'record')} on {chosen.hub_dataset}."
    )
    if done.kept_back:
        kept = counted(done.kept_back, "record")
        say(f"{kept} kept back: private, or not {' or '.join(chosen.status)}.")
    if done.withdrawn:
        say(
            "What was withdrawn is still in the repository's history. Its owner removes it with "
            "HfApi().super_squash_history(repo_id, repo_type='dataset')."
        )
    return 0


def _delete(store: Store, chosen: argparse.Namespace, say: Say, _: HfApi | None) -> int:
    one = chosen.receipt is not None or chosen.operator
    if one != bool(chosen.record_id):
        raise SubmissionError(
            "Say which record: delete RECORD_ID --receipt KEY, or delete RECORD_ID --operator."
            if one
            else "Give either a record's id or its contributor, not both."
        )
    if chosen.receipt is not None:
        if chosen.dry_run:
            raise SubmissionError("--dry-run goes with --operator, --contributor and --user.")
        contributions.delete(store, chosen.record_id, chosen.receipt)
        say(f"The record {chosen.record_id} is deleted.")
    else:
        meant = _meant(store, chosen)
        if not meant and not chosen.operator:
            if not chosen.dry_run:
                contributions.forget(store)  # an earlier attempt may have been cut off
            removal.say_nobody(store, chosen.contributor, chosen.user, say)
            return 1
        removal.delete(store, meant, say, dry_run=chosen.dry_run)
    if not chosen.dry_run and (hub := contributions.on_the_hub(store, _hub_dataset())):
        say(hub)
    return 0


def _meant(store: Store, chosen: argparse.Namespace) -> list[Record]:
    """The records that are to be deleted without a receipt."""
    if chosen.operator:
        return removal.one(store, chosen.record_id)
    return removal.of_contributor(store, chosen.contributor or store.pseudonym(chosen.user))
