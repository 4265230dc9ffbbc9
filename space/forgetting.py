"""What the app keeps of a photo beside the dataset, and how a deleted record leaves it.

Copies are found by their content: an upload or an open photo by its bytes, what was made from it by
what the shelf knows of its origin, an uploaded mask by its pixels. Results, previews and files for
download do not tell whose they are, but are soon thrown away anyhow: all of them go.
"""

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from PIL import Image

from lama.files import names_in, sha256_file
from lama.photo import open_mask
from space.exports import Exports
from space.folders import Folders
from space.photos import PhotoShelf
from space.store.core import Core
from space.store.files import try_lock
from space.store.traces import MaskLook, Traces, is_used
from space.uploads import FOLDER

EXPORT_PREFIX = "saved-masks-"
_COMPRESSED = ("JPEG", "PNG", "WEBP")


def forget_record(core: Core, shelf: PhotoShelf, traces: Traces) -> None:
    """Remove every copy of a deleted record's photo and mask; what cannot go stops nothing else.

    Args:
        core: The data directory.
        shelf: The photos that pages have open.
        traces: Of the record.

    Raises:
        OSError: The first of what refused to go.
    """
    folders = Folders(core.data_dir)
    # Another record may be on the photo; the copies then go with that one.
    photos = {sha: size for sha, size in traces.photos.items() if not is_used(core, sha)}

    def from_shelf() -> None:
        made = {sha for sha in shelf.made_from(photos) if not is_used(core, sha)}
        for identity in (*photos, *made):
            shelf.forget(identity)
        shelf.sweep()

    def everywhere() -> list[Path]:
        return [folders.cache, *uploads(core)]

    steps: tuple[Callable[[], object], ...] = (
        from_shelf,
        Exports(folders.exports).clear,
        lambda: forget_exports(everywhere()),
        lambda: forget_unfinished_exports(everywhere(), core),
        lambda: forget_run_pictures(folders.runs),
        lambda: forget_photos(everywhere(), photos),
        lambda: forget_mask(uploads(core), traces.mask),
    )
    refused: list[OSError] = []
    for step in steps:
        try:
            step()
        except OSError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def note_uploads(core: Core) -> None:
    """Write down where the operator has uploads put: a deletion by another process finds them."""
    given = os.environ.get("GRADIO_TEMP_DIR")
    if not given or Path(given).resolve().is_relative_to(Folders(core.data_dir).cache.resolve()):
        return
    place, noted = str(Path(given).resolve()), _noted(core)
    if place not in noted:
        core.index.remember(uploads=json.dumps([*noted, place]))


def _noted(core: Core) -> list[str]:
    found: list[str] = json.loads(core.index.meta("uploads", "[]"))
    return found


def uploads(core: Core) -> list[Path]:
    """Where uploads may lie: the app's own folder, and files where the operator has them put.

    Such a place may be shared, like `/tmp`, and hold originals under the names they have at home.
    So of a place outside of the cache, only `FOLDER/FILE` counts, where the folder's name is a
    SHA-256: nothing but Gradio writes that.

    Raises:
        OSError: A place cannot be read.
    """
    folders = Folders(core.data_dir)
    given = os.environ.get("GRADIO_TEMP_DIR")
    places = {Path(place).resolve() for place in (*_noted(core), given) if place}
    found = [folders.uploads]
    for place in sorted(places):
        if place.is_relative_to(folders.cache.resolve()):
            found.append(place)
            continue
        for folder in names_in(place):
            if FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                with contextlib.suppress(PermissionError):  # another user's
                    found += [path for path in names_in(folder) if path.is_file()]
    return found


def forget_exports(places: Iterable[Path]) -> None:
    """Remove the files that were made for download: they may hold what has been deleted.

    Args:
        places: Where to look; see `remove_if`.

    Raises:
        OSError: The first of what refused.
    """
    remove_if(places, lambda path, _: path.name.startswith(EXPORT_PREFIX))


def forget_unfinished_exports(places: Iterable[Path], core: Core) -> None:
    """Remove what a process that died was making for download, unless one is at work now.

    Args:
        places: Where to look; see `remove_if`.
        core: The data directory that is exported.

    Raises:
        OSError: The first of what refused.
    """
    with try_lock(core.unfinished) as nobody_writes:
        if nobody_writes:
            remove_if(places, lambda path, _: path.name.startswith(f".{EXPORT_PREFIX}"))


def forget_run_pictures(folder: Path, run: Path | None = None) -> None:
    """Remove the pictures of training runs: a photo that was held out may be the deleted one.

    Args:
        folder: Of the runs.
        run: The one that is meant, instead of all.
    """

    def shows_photos(path: Path, _: os.stat_result) -> bool:
        inside = path.relative_to(folder).parts[1:]
        return inside == ("before-after.png",) or (
            len(inside) == 2 and inside[0] == "samples" and path.suffix == ".png"
        )

    remove_if((run or folder,), shows_photos)


def forget_photos(places: Iterable[Path], photos: Mapping[str, int]) -> None:
    """Remove every file that has the bytes of a photo.

    Args:
        places: Where to look; see `remove_if`.
        photos: sha256 and size of each.
    """
    sizes = set(photos.values())

    def is_copy(path: Path, facts: os.stat_result) -> bool:
        return facts.st_size in sizes and sha256_file(path) in photos

    if photos:
        remove_if(places, is_copy)


def forget_mask(places: Iterable[Path], mask: MaskLook | None) -> None:
    """Remove every picture that the app would read as this mask; for places see `remove_if`."""
    if mask is not None:
        remove_if(places, lambda path, facts: _shows(path, facts.st_size, mask))


def _shows(path: Path, size: int, mask: MaskLook) -> bool:
    try:
        with Image.open(path) as picture:
            if sorted(picture.size) != sorted((mask.width, mask.height)):
                return False
            if picture.format in _COMPRESSED and size > mask.width * mask.height // 2 + 4096:
                return False  # so much detail is a photo's, and would take a while to decode
        area = mask.width * mask.height  # was taken once, whatever the limit is now
        return mask.fits(open_mask(path, (mask.width, mask.height), area))
    except FileNotFoundError:
        raise
    except Exception:  # noqa: BLE001 - decoders raise anything on what somebody made up
        return False  # no picture, or none that can be a mask of this size


def remove_if(places: Iterable[Path], unwanted: Callable[[Path, os.stat_result], bool]) -> None:
    """Remove files, while others add and remove some as well.

    Args:
        places: Where to look: folders, with all that is below them, and files. What is not there
            holds nothing.
        unwanted: Whether a file goes.

    Raises:
        OSError: The first of what refused, once everything else is gone.
    """
    refused: list[OSError] = []
    for place in places:
        for path in _files_of(place, refused):
            try:
                facts = path.lstat()
                if stat.S_ISREG(facts.st_mode) and unwanted(path, facts):
                    path.unlink()
            except OSError as error:
                refused.append(error)
    for refusal in refused:
        if not isinstance(refusal, FileNotFoundError):  # another process was quicker
            raise refusal


def _files_of(place: Path, refused: list[OSError]) -> Iterator[Path]:
    """A file itself, or what is below a folder; what cannot be listed goes into `refused`."""
    if place.is_file():
        yield place
        return
    for root, _, names in os.walk(place, onerror=refused.append):
        yield from (Path(root, name) for name in names)
