"""What a training starts with: network, classifier, optimiser; sizes are checked first."""

import logging

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import MultiStepLR

from gaittake.cudnn import check_convolutions
from gaittake.data.sampler import group_by_subject
from gaittake.data.store import SequenceStore
from gaittake.device import forbid_tf32, layer_dtype
from gaittake.errors import UserError
from gaittake.io.checkpoint import seed_everything
from gaittake.losses.classification import PartClassifier
from gaittake.models import build_network
from gaittake.models.pooling import PartNeck, SeparateHeads
from gaittake.settings import Train, TrainStage
from gaittake.training.collective import share_statistics
from gaittake.training.distributed import Group, parallel
from gaittake.training.fast import speed_up
from gaittake.training.step import Learner, Training

logger = logging.getLogger(__name__)
MOMENTUM = 0.9  # of SGD


def prepare(
    settings: TrainStage, store: SequenceStore, device: torch.device, group: Group
) -> Training:
    """Returns the training before its first step.

    Args:
        settings: network, training.
        store: the training sequences.
        device: where to compute.
        group: the processes that train together.

    Raises:
        UserError: too few subjects, sizes that do not fit, a BNNeck that would not be trained, or a
            cuDNN whose results may be wrong.
    """
    forbid_tf32(convolutions=settings.train.precision == "float32")
    seed_everything(settings.seed)
    rows, columns = store.silhouettes.shape[1:]
    network = _network(settings, rows, columns).to(device)
    if group.size > 1:
        share_statistics(network)
    choice = settings.train
    speed_up(device)
    groups = group_by_subject(
        list(store.sequences["subject"]), subjects_per_batch=choice.subjects_per_batch
    )
    classifier = _classifier(network, len(groups), choice)
    learner = Learner(network, classifier, group).to(device)
    optimiser = optimiser_of(learner, choice, device)
    dtype = layer_dtype(device, choice.precision, loss_scaling=True)
    check_convolutions(network, device, dtype)
    scaler = GradScaler(device.type, enabled=dtype is torch.float16)
    schedule = MultiStepLR(optimiser, list(choice.milestones), gamma=choice.decay)
    logger.info(
        "%d sequences of %d subjects, %d frames, %d weights, on %s in %s%s",
        len(store.sequences),
        len(groups),
        len(store.silhouettes),
        sum(weight.numel() for weight in network.parameters()),
        device,
        str(dtype).removeprefix("torch."),
        f", one of {group.size} processes" if group.size > 1 else "",
    )
    called = parallel(learner, group, device)
    return Training(
        learner,
        called,
        optimiser,
        scaler,
        schedule,
        store,
        groups,
        choice,
        settings.seed,
        group,
        dtype,
    )


def optimiser_of(learner: Learner, choice: Train, device: torch.device) -> Optimizer:
    """Returns the optimiser of all weights, in one kernel where the device has one."""
    weights, rate, decay = learner.parameters(), choice.learning_rate, choice.weight_decay
    fused = device.type in ("cpu", "cuda")
    if choice.optimiser == "sgd":
        return SGD(weights, lr=rate, momentum=MOMENTUM, weight_decay=decay, fused=fused)
    return Adam(weights, lr=rate, weight_decay=decay, fused=fused)


def _network(settings: TrainStage, rows: int, columns: int) -> nn.Module:
    """Returns the network, after a trial run on tensors without data.

    Raises:
        UserError: the network's sizes do not fit the silhouettes.
    """
    numbers = {"height": rows, "width": columns} | settings.model
    try:
        with torch.device("meta"):
            empty = torch.empty(2, 3, rows, columns), torch.empty(2, 3, 17, 3)
            build_network(settings.network, **numbers)(*empty)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"{settings.network}: {error}; its model does not fit silhouettes of {rows} x {columns}"
        ) from error
    return build_network(settings.network, **numbers)


def _classifier(network: nn.Module, classes: int, choice: Train) -> PartClassifier | None:
    """Returns the classifier of the training subjects, or None without cross-entropy.

    A BNNeck that is part of the network is the classifier's, too: there it is trained.

    Raises:
        UserError: the network has a BNNeck that would not be trained.
    """
    necks = [module for module in network.modules() if isinstance(module, PartNeck)]
    if necks and not choice.neck:
        raise UserError(
            "the model's embeddings are those behind a BNNeck, which is not trained: set "
            "train.neck: true and train.cross_entropy: 1, or change the model (neck, head)"
        )
    if not choice.cross_entropy:
        return None
    heads = [module for module in network.modules() if isinstance(module, SeparateHeads)]
    parts, embedding = sum(len(head.weight) for head in heads), heads[0].weight.shape[2]
    classifier = PartClassifier(parts, embedding, classes, neck=choice.neck, cosine=choice.cosine)
    if necks:
        classifier.neck = necks[0].norm
    return classifier
