"""The classification of the training subjects against plain loops."""

import math

import pytest
import torch

from gaittake.losses.classification import PartClassifier, classification_loss


def test_cross_entropy_is_the_mean_over_sequences_and_parts() -> None:
    torch.manual_seed(0)
    scores, subjects = torch.randn(4, 3, 5), torch.tensor([0, 4, 2, 2])
    found = classification_loss(scores, subjects)
    losses, right = [], 0
    for sequence, subject in zip(scores, subjects.tolist(), strict=True):
        for part in sequence.tolist():
            losses.append(math.log(sum(math.exp(s) for s in part)) - part[subject])
            right += max(part) == part[subject]
    assert float(found.loss) == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert float(found.accuracy) == pytest.approx(right / 12)


def test_each_part_has_its_own_classifier() -> None:
    classifier = PartClassifier(3, 4, 5)
    embeddings = torch.randn(2, 3, 4)
    scores = classifier(embeddings)
    for part in range(3):
        torch.testing.assert_close(scores[:, part], embeddings[:, part] @ classifier.weight[part])


def test_the_neck_normalises_each_number_of_each_part() -> None:
    torch.manual_seed(0)
    classifier = PartClassifier(3, 4, 5, neck=True)
    embeddings = torch.randn(6, 3, 4) * 7 + 3
    spread = embeddings.var(dim=0, unbiased=False)
    normal = (embeddings - embeddings.mean(dim=0)) / (spread + 1e-5).sqrt()
    expected = torch.einsum("npd,pdc->npc", normal, classifier.weight)
    torch.testing.assert_close(classifier(embeddings), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("neck", [False, True])
def test_cosine_scores_are_cosines_of_embeddings_and_classes(neck: bool) -> None:
    torch.manual_seed(0)
    classifier = PartClassifier(3, 4, 5, neck=neck, cosine=16.0)
    embeddings = torch.randn(6, 3, 4) * 7 + 3
    found = classifier(embeddings).detach()
    if neck:
        spread = embeddings.var(dim=0, unbiased=False)
        embeddings = (embeddings - embeddings.mean(dim=0)) / (spread + 1e-5).sqrt()
    for n in range(6):
        for part in range(3):
            for label in range(5):
                one, other = embeddings[n, part], classifier.weight.detach()[part, :, label]
                cosine = float(one @ other / (one.norm() * other.norm()))
                assert float(found[n, part, label]) == pytest.approx(16 * cosine, abs=1e-4)


def test_label_smoothing_spreads_a_share_of_the_target_over_all_classes() -> None:
    torch.manual_seed(0)
    scores, subjects = torch.randn(4, 3, 5), torch.tensor([0, 4, 2, 2])
    found = classification_loss(scores, subjects, smoothing=0.1)
    logarithms = scores.log_softmax(dim=2)
    losses = [
        -sum((0.9 * (label == subject) + 0.02) * float(logarithms[n, part, label])
             for label in range(5))
        for n, subject in enumerate(subjects.tolist())
        for part in range(3)
    ]  # fmt: skip
    assert float(found.loss) == pytest.approx(sum(losses) / 12, rel=1e-5)
