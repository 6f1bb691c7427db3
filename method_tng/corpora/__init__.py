"""What makes data sets: the demo corpus, and the cross-lingual packs from a checkout of Movie101v2."""
