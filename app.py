"""The app: `python app.py`, and what a Hugging Face Space runs."""

import logging
import os
import sys

# Set before gradio is imported: no analytics, no look-ups elsewhere.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Set before torch is imported: threads that wait do not spin. The browser on the same machine needs
# the cores, and on a busy machine spinning made a run ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from space import wiring
from space.settings import parse
from space.store import StoreError


def main() -> int:
    """Read the settings and serve the app; 2 and one line if it cannot start."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("space").setLevel(logging.INFO)
    settings = parse(sys.argv[1:])
    try:
        wiring.launch(settings)
    except (ValueError, OSError, StoreError) as error:
        sys.stderr.write(f"app.py: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
