"""Published systems beside the main one, each a folder of the same shape."""
