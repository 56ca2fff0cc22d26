"""The losses against plain loops over anchors."""

import math

import pytest
import torch

from gaittake.losses.triplet import part_distances, triplet_loss

SUBJECTS = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])
K = 3


def plain_loss(embeddings: torch.Tensor, margin: float, weights: str) -> float:
    """Equation 11 for each anchor, as it is written."""
    losses = []
    for part in range(embeddings.shape[1]):
        x = embeddings[:, part]
        terms = []
        for a in range(len(x)):
            d = [math.dist(x[a].tolist(), x[b].tolist()) for b in range(len(x))]
            others = [b for b in range(len(x)) if b != a or weights == "batch_all_self"]
            positives = [d[b] for b in others if SUBJECTS[b] == SUBJECTS[a]]
            negatives = [d[b] for b in range(len(x)) if SUBJECTS[b] != SUBJECTS[a]]
            if weights.startswith("batch_all"):
                terms += [margin + p - n for p in positives for n in negatives]
            elif weights == "batch_hard":
                terms.append(margin + max(positives) - min(negatives))
            else:
                wp = [math.exp(p) for p in positives]
                wn = [math.exp(-n) for n in negatives]
                far = sum(w * p for w, p in zip(wp, positives, strict=True)) / sum(wp)
                near = sum(w * n for w, n in zip(wn, negatives, strict=True)) / sum(wn)
                terms.append(margin + far - near)
        hinged = [max(0.0, term) for term in terms]
        losses.append(sum(hinged) / max(1, sum(term > 0 for term in hinged)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("weights", ["adaptive", "batch_all", "batch_all_self", "batch_hard"])
def test_triplet_loss_is_equation_11(weights: str) -> None:
    torch.manual_seed(0)
    embeddings = torch.randn(9, 3, 4)
    found = triplet_loss(embeddings, K, margin=0.2, weights=weights)
    assert float(found.loss) == pytest.approx(plain_loss(embeddings, 0.2, weights), rel=1e-4)


def test_adaptive_weights_have_no_gradient() -> None:
    torch.manual_seed(1)
    embeddings = torch.randn(9, 1, 4, dtype=torch.float32, requires_grad=True)
    triplet_loss(embeddings, K).loss.backward()
    d = part_distances(embeddings.detach())[0]
    same = SUBJECTS[:, None] == SUBJECTS[None]
    positive = same & ~torch.eye(9, dtype=torch.bool)
    wp = d.masked_fill(~positive, -torch.inf).softmax(dim=1)
    wn = (-d).masked_fill(same, -torch.inf).softmax(dim=1)
    again = embeddings.detach().clone().requires_grad_()
    distances = part_distances(again)[0]
    terms = (0.2 + (wp * distances).sum(dim=1) - (wn * distances).sum(dim=1)).relu()
    (terms.sum() / (terms > 0).sum()).backward()
    torch.testing.assert_close(embeddings.grad, again.grad)


def test_no_loss_and_no_gradient_where_subjects_are_far_apart() -> None:
    embeddings = (SUBJECTS[:, None, None] * 100.0 + torch.zeros(9, 2, 3)).requires_grad_()
    found = triplet_loss(embeddings, K)
    found.loss.backward()
    assert found.loss.item() == 0.0
    assert float(found.active) == 0.0
    assert bool(torch.isfinite(embeddings.grad).all())


def test_the_metrics_are_mean_distances() -> None:
    torch.manual_seed(2)
    embeddings = torch.randn(9, 2, 4)
    found = triplet_loss(embeddings, K)
    positive, negative = [], []
    for part in range(2):
        for a in range(9):
            for b in range(9):
                if a != b:
                    d = math.dist(embeddings[a, part].tolist(), embeddings[b, part].tolist())
                    (positive if SUBJECTS[a] == SUBJECTS[b] else negative).append(d)
    assert float(found.positive) == pytest.approx(sum(positive) / len(positive), rel=1e-4)
    assert float(found.negative) == pytest.approx(sum(negative) / len(negative), rel=1e-4)


def test_the_order_of_subjects_and_of_their_sequences_changes_nothing() -> None:
    torch.manual_seed(3)
    embeddings = torch.randn(9, 2, 4)
    other = embeddings.unflatten(0, (3, K))[[2, 0, 1]][:, [1, 2, 0]].flatten(0, 1)
    torch.testing.assert_close(triplet_loss(embeddings, K).loss, triplet_loss(other, K).loss)


def test_batch_all_has_the_gradient_of_a_list_of_all_triplets() -> None:
    torch.manual_seed(4)
    embeddings = torch.randn(9, 3, 4).mul_(0.3).requires_grad_()
    found = triplet_loss(embeddings, K, weights="batch_all")
    (gradient,) = torch.autograd.grad(found.loss, embeddings)
    same = SUBJECTS[:, None] == SUBJECTS[None]
    positive = same & ~torch.eye(9, dtype=torch.bool)
    a, p, n = (positive[:, :, None] & ~same[:, None, :]).nonzero(as_tuple=True)
    distances = part_distances(embeddings)
    terms = (0.2 + distances[:, a, p] - distances[:, a, n]).relu()
    assert 0 < int((terms == 0).sum()) < terms.numel()
    expected = (terms.sum(dim=1) / (terms > 0).sum(dim=1)).mean()
    torch.testing.assert_close(found.loss, expected)
    torch.testing.assert_close(found.active, (terms > 0).float().mean())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, embeddings)[0])


def test_self_pairs_matter_only_where_a_stranger_is_nearer_than_the_margin() -> None:
    torch.manual_seed(5)
    embeddings = torch.randn(9, 3, 4)
    apart = embeddings * 10
    assert float((part_distances(apart) + 10 * torch.eye(9)).min()) > 0.2
    one, other = (triplet_loss(apart, K, weights=w) for w in ("batch_all", "batch_all_self"))
    torch.testing.assert_close(one.loss, other.loss)
    assert float(other.active) < float(one.active)  # of more triplets
    near = [
        float(triplet_loss(0.05 * embeddings, K, weights=w).loss)
        for w in ("batch_all", "batch_all_self")
    ]
    assert near[1] < 0.9 * near[0]


def test_self_pairs_have_a_finite_gradient_where_all_embeddings_are_equal() -> None:
    embeddings = torch.ones(9, 2, 3, requires_grad=True)
    triplet_loss(embeddings, K, weights="batch_all_self").loss.backward()
    assert bool(torch.isfinite(embeddings.grad).all())


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weights must be 'adaptive', .*, not 'semi_hard'"):
        triplet_loss(torch.randn(9, 2, 4), K, weights="semi_hard")


@pytest.mark.parametrize(("n", "sequences"), [(8, 3), (3, 3), (8, 1)])
def test_a_batch_that_is_not_k_of_each_of_several_subjects_is_refused(
    n: int, sequences: int
) -> None:
    expected = f"found {n} embeddings and {sequences} sequences of a subject"
    with pytest.raises(ValueError, match=expected):
        triplet_loss(torch.randn(n, 2, 4), sequences)
