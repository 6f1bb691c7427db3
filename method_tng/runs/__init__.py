"""One training run on disk: its options, its folder, its weights."""
