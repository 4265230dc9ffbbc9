"""Scripts that measure; see README.md for the method."""
