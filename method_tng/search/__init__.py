"""Typed sentences to moments: an index of encoded films on disk, and a searcher over it."""
