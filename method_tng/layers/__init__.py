"""Building blocks that name no system: tensors in, tensors out; torch only."""
