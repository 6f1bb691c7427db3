"""At which rank the first window that tells a narration stands: the recall of systems that find shots."""

import numpy as np
import torch

from method_tng.contract.protocols import Matcher
from method_tng.contract.settings import SearchSettings
from method_tng.dataset.collection import Collection
from method_tng.dataset.shots import pair_shots
from method_tng.retrieval.codes import encode_queries, encode_windows
from method_tng.retrieval.ranking import match_corpus


@torch.inference_mode()
def ranks_of(
    matcher: Matcher, collection: Collection, device: torch.device, search: SearchSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Rank, from 1, of the best window that pairs with each narration; infinite without one.

    Returns:
        (N,) among the windows of its film, and (N,) among those of all films.
    """
    read, count = collection.window_batch, collection.window_lengths.tolist()
    codes = encode_windows(matcher.encode_windows, read, count, search.eval_context_bsz, device)
    shots = np.array([(window.start, window.end) for window in collection.windows])
    spans = np.array([one.spans[0] for one in collection.split.narrations])
    queries = encode_queries(
        matcher.encode_queries, collection.query_batch, len(spans), search.eval_query_bsz, device
    )
    inside, among_all = [], []
    for rows, code in queries:
        scores = match_corpus(matcher, code, codes).cpu().numpy()  # (n, M)
        same = collection.own_film[rows][:, None] == collection.window_movies  # (n, M)
        right = pair_shots(shots, spans[rows]).T & same
        inside.append(first_rank(np.where(same, scores, -np.inf), right))
        among_all.append(first_rank(scores, right))
    return np.concatenate(inside), np.concatenate(among_all)


def first_rank(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(n,) rank, from 1, of the best right window, infinite without one; the earlier of equals is first.

    Args:
        scores: (n, M); one that is no number stands before all.
        right: (n, M) bool.
    """
    best = np.where(right, scores, -np.inf).argmax(1)[:, None]  # (n, 1)
    top = np.take_along_axis(scores, best, 1)
    ahead = ~(scores <= top) | ((scores == top) & (np.arange(scores.shape[1]) < best))
    return np.where(right.any(1), 1 + ahead.sum(1), np.inf)
