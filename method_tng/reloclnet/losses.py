"""What ReLoCLNet minimises, term by term and unweighted.

Letters: N queries with their own window, T clips.  In (N, N) tables row i is query i, column j the window of
query j; the own window stands on the diagonal.

Source: Zhang et al. 2021, section 3.5; the margin losses are those of XML (Lei et al. 2020, section 4.3).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def border_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the start (or end) clip: logits (N, T), -inf at padding, labels (N,) int64."""
    return F.cross_entropy(logits, labels)


def draw_ranks(related: Tensor, pool: int, generator: torch.Generator) -> Tensor:
    """Draws, for every row, which of its negatives is taken.

    Args:
        related: (N, N) bool, True where a column is no negative of the row, the diagonal included.
        pool: hardest negatives to draw from; 0 = all.
        generator: where the draw comes from.

    Returns:
        (N,) int64, 1 = the best negative; 0 where a row has none.
    """
    most = (~related).sum(1)  # (N,)
    if pool:
        most = most.clamp(max=pool)
    drawn = torch.rand(len(most), dtype=torch.float64, generator=generator, device=generator.device)
    return ((drawn.to(most.device) * most).long() + 1).minimum(most)


def margin_loss(scores: Tensor, related: Tensor, ranks: Tensor, margin: float, form: str) -> Tensor:
    """The own column should beat one negative of its row by a margin, mean over the rows.

    Args:
        scores: (N, N); transpose it to let windows choose among queries.
        related: (N, N) bool, True where a column is no negative of the row, the diagonal included.
        ranks: (N,) int64, which negative, 1 = the best; a row without negatives costs nothing.
        margin: of the hinge.
        form: "hinge": max(0, margin + negative - own); "lse": log(1 + exp(negative - own)).
    """
    order = scores.detach().masked_fill(related, -torch.inf).fill_diagonal_(torch.inf)
    order = order.argsort(dim=1, descending=True)  # the own column, the negatives, those that are none
    chosen = order.gather(1, ranks[:, None])  # (N, 1)
    excess = (scores.gather(1, chosen) - scores.diagonal()[:, None])[:, 0]  # (N,)
    cost = F.softplus(excess) if form == "lse" else (margin + excess).clamp(min=0)
    return (cost * (ranks > 0)).mean()


def frame_contrast(products: Tensor, inside: Tensor, mask: Tensor) -> Tensor:
    """Clips of the moment should fit the query, the others of the window should not.

    An estimate of the Jensen-Shannon mutual information between a query and the clips of its moment.

    Args:
        products: (N, T) dot products of a query with the clips of its own window.
        inside: (N, T) bool, the moment.
        mask: (N, T) bool.
    """
    outside = mask & ~inside
    fit = math.log(2) - F.softplus(-products)
    misfit = F.softplus(-products) + products - math.log(2)
    return (_mean_over(misfit, outside) - _mean_over(fit, inside)).mean()


def window_contrast(scores: Tensor, related: Tensor) -> Tensor:
    """Each query's own window against all other windows and all other queries of the batch.

    Args:
        scores: (N, N), not normalised.
        related: (N, N) bool, True where a column is no negative of the row, the diagonal included.
    """
    own = scores.diagonal()
    foreign = related & ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    columns = scores.T.masked_fill(foreign.T, -torch.inf)
    rivals = torch.cat((scores.masked_fill(foreign, -torch.inf), columns), dim=1)  # (N, 2 N)
    return (rivals.logsumexp(dim=1) - own).mean()  # the own score stands among its 2 N rivals twice


def _mean_over(values: Tensor, chosen: Tensor) -> Tensor:
    """(N,) mean of the chosen values of each row, 0 where none is chosen."""
    return (values * chosen).sum(1) / chosen.sum(1).clamp(min=1)
