"""Distances between embeddings, in blocks."""

import torch
from torch import Tensor


def distances(probes: Tensor, gallery: Tensor, *, kind: str = "parts") -> Tensor:
    """Returns `[n, m]` distances between probes `[n, p, d]` and gallery `[m, p, d]`.

    Args:
        probes: embeddings, float32.
        gallery: embeddings, float32.
        kind: `parts`: mean over the parts of Euclidean distances; `flat`: one Euclidean distance
            between the flattened embeddings (ASSUME: `parts`; the paper does not say).
    """
    exact = "donot_use_mm_for_euclid_dist"
    if kind == "flat":
        return torch.cdist(probes.flatten(1), gallery.flatten(1), compute_mode=exact)
    parts = probes.shape[1]
    total = torch.zeros(len(probes), len(gallery), device=probes.device)
    for part in range(parts):
        total += torch.cdist(probes[:, part], gallery[:, part], compute_mode=exact)
    return total / parts
