"""The Dataset tab, and the dataset's command line."""
