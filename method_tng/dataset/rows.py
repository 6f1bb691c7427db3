"""Feature rows of a clip or a word: unit length, fewer rows, the place in the window.

Source: Zhang et al., ReLoCLNet, SIGIR 2021, and its data loader, whose numbers these functions repeat.
"""

import numpy as np

EPSILON = 1e-5  # keeps a row of zeros at zero


def normalize_rows(rows: np.ndarray) -> np.ndarray:
    """Rows (n, D) divided by their L2 norm plus 1e-5; a row of zeros stays zero."""
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    return rows / (norms + EPSILON)[:, None].astype(rows.dtype)


def pool_rows(rows: np.ndarray, limit: int) -> np.ndarray:
    """At most `limit` rows (n, D), each the mean of an equal share of the time; unchanged if n <= limit.

    Share i starts at round(i / limit * n), halves to the even number, and at n - 1 at most.  Therefore the
    very last row counts only where a share is empty and stands for itself, as published.
    """
    num_rows = len(rows)
    if num_rows <= limit:
        return rows
    edges = np.minimum(np.rint(np.arange(limit + 1) / limit * num_rows).astype(np.int64), num_rows - 1)
    sums = np.add.reduceat(rows, edges[:-1], axis=0)  # an empty share gives its own first row
    counts = np.maximum(np.diff(edges), 1).astype(rows.dtype)
    sums[-1] = rows[edges[-2] : max(edges[-1], edges[-2] + 1)].sum(axis=0)  # reduceat would run to the end
    return sums / counts[:, None]


def endpoint_feature(num_rows: int) -> np.ndarray:
    """(n, 2) float32: where each row starts and ends, in [0, 1] of the window ("TEF")."""
    edges = np.arange(num_rows + 1) / num_rows
    return np.stack([edges[:-1], edges[1:]], axis=1).astype(np.float32)
