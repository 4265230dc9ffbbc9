"""Files that a page has sent: where they lie, and what the page calls them."""

from pathlib import Path

from gradio.utils import get_upload_folder


def arrived(data: dict) -> tuple[Path, str]:
    """The uploaded file of a question and its name.

    Args:
        data: `path` as the upload answered it, `name` for showing.

    Raises:
        ValueError: There is no such upload; in words for the reader.
    """
    path = Path(str(data.get("path", ""))).resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise ValueError("The photo did not arrive. Choose it once more.")
    return path, Path(str(data.get("name") or path.name)).name
