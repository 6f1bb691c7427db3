"""Searches without training, by the cosines of sentences and frames of an image-text model."""
