"""RGNet: one network that finds the window of a sentence and the moment in it."""
