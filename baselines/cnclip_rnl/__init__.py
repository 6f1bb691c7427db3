"""CNCLIP+RNL: shots found by Chinese-CLIP, the moment found in the window around each by RNL."""
