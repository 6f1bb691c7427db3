"""Files -> Batch: annotations, features, windows, samples."""
