"""`python -m space dataset ...`: the saved masks from the command line."""

import sys

from space.dataset.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], print))
