"""Whether the Hub has what this data directory sent last, or went on without it.

A data directory may come back from a backup that is older than the last push. What was withdrawn
since, mostly because somebody deleted it, is still in it, and the next push would send it again. So
each push writes a word of its own into the card on the Hub. It is kept here as tried before it is
sent, and as the Hub's when it has arrived, so whatever dies in between, it is known. A directory
that finds another word there is not the one that pushed last: it sends nothing until `restore` has
looked through what is there, and has found nothing missing that was once sent from here.

Nothing is ever deleted here because it is missing there: only a person can say why it is.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi

from space.store.card import copy_of
from space.store.core import Core, now_microseconds
from space.store.errors import HubError
from space.store.index import Index

CARD = "README.md"
_MOST_TRIED = 50
_UNKNOWN = "-"  # the word of a directory that never had one and lacks what was withdrawn
_MOST_NAMED = 100


def guard(core: Core, hub: HfApi, repository: str, *, again: bool) -> None:
    """Refuse to push where another directory, or a later state of this one, has pushed since.

    Args:
        core: The data directory. Its lock for pushes has to be held.
        hub: From `space.store.connection.connect`.
        repository: It has a card.
        again: Whether to push all the same, and so send again what was withdrawn.

    Raises:
        HubError: It has.
    """
    known = _own(core.index)
    if not known:
        return  # an earlier version pushed last, which kept no word
    there = read(core, hub, repository, "main")
    if there is None:
        return  # somebody wrote the card by hand
    if there not in known and not again:
        reason = (
            f"another copy of this data directory has pushed to {repository} since, so this one "
            "may be a backup from before something was withdrawn. Look first: python -m space "
            "dataset restore"
        )
        raise HubError(f"The push did not go through: {reason}", reason)
    core.index.remember(hub_copy=there)


def begin(core: Core) -> str:
    """A word for the card that is about to be sent; kept before that."""
    word = f"{now_microseconds():x}"
    tried = [*core.index.meta("hub_copies_tried").split(), word][-_MOST_TRIED:]
    core.index.remember(hub_copies_tried=" ".join(tried))
    return word


def arrived(core: Core, word: str) -> None:
    """The card with this word is on the Hub, and none that was tried before comes any more."""
    core.index.remember(hub_copy=word, hub_copies_tried="")


def is_own(core: Core, word: str | None) -> bool:
    """Whether what a card says was pushed from here; without a word nobody can tell otherwise."""
    return word is None or word in _own(core.index)


def _own(index: Index) -> set[str]:
    return {index.meta("hub_copy"), *index.meta("hub_copies_tried").split()} - {""}


def read(core: Core, hub: HfApi, repository: str, revision: str) -> str | None:
    """The word in the card of a revision, if there is one."""
    folder = core.data_dir / "restoring"  # which is cleared when a process dies in between
    try:
        path = hub.hf_hub_download(
            repository, CARD, repo_type="dataset", revision=revision, local_dir=str(folder)
        )
        return copy_of(Path(path).read_text(encoding="utf-8", errors="replace"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def note_sent(core: Core, ids: set[str]) -> None:
    """These records are on the Hub, wherever they were sent from."""
    with core.index.transaction() as run:
        run.execute(
            "UPDATE records SET sent = 1 WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(ids)),),
        )


def withdrawn(core: Core, on_hub: set[str], shelves: Sequence[str]) -> list[str]:
    """Records that were sent once and would be sent again, though they are on the Hub no longer.

    Args:
        core: The data directory.
        on_hub: The ids of all records there.
        shelves: What is pushed.
    """
    rows = core.index.all(
        "SELECT id FROM records WHERE sent = 1 AND shard IN (SELECT name FROM shards WHERE shelf "
        "IN (SELECT value FROM json_each(?))) ORDER BY id",
        (json.dumps(list(shelves)),),
    )
    return [row["id"] for row in rows if row["id"] not in on_hub]


def stop_pushes(core: Core) -> None:
    """Let `guard` refuse even in a directory of an earlier version."""
    if not _own(core.index):
        core.index.remember(hub_copy=_UNKNOWN)


def said(ids: Sequence[str], repository: str) -> str:
    """What is said of records that were withdrawn, and what can be done about it."""
    named = ", ".join(ids[:_MOST_NAMED])
    more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
    return (
        f"These records were on {repository} and have been withdrawn since: {named}{more}. Delete "
        "them here too, each with `delete ID --operator`, and restore again. Or send them again: "
        "`push --again`."
    )
