"""Weights to moments: encode a corpus once, rank windows, open the best, join and suppress."""
