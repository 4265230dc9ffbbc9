"""Where things lie in a data directory, apart from the dataset itself (`space.store.core`)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """The folders of one data directory; none of them need be there yet."""

    data_dir: Path

    @property
    def cache(self) -> Path:
        """What may be thrown away: everything below that has to do with single visits."""
        return self.data_dir / "cache"

    @property
    def photos(self) -> Path:
        """Photos that pages have open (`space.photos`)."""
        return self.cache / "photos"

    @property
    def uploads(self) -> Path:
        """Where Gradio puts what it is sent, unless the operator says otherwise."""
        return self.cache / "uploads"

    @property
    def exports(self) -> Path:
        """Results and other files to be fetched; a browser may have each by its address."""
        return self.cache / "exports"

    @property
    def dataset_exports(self) -> Path:
        """Downloads of the dataset in the making, and the strategy that draws like the users."""
        return self.cache / "dataset-exports"

    @property
    def runs(self) -> Path:
        """Runs of fine-tuning (`space.train.runs`)."""
        return self.data_dir / "runs"

    @property
    def models(self) -> Path:
        """Fine-tuned models that were promoted."""
        return self.data_dir / "models"
