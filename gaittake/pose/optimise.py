"""The training loop of teacher and student: resumable and reproducible."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gaittake.device import forbid_tf32
from gaittake.errors import UserError
from gaittake.io.checkpoint import Checkpoints
from gaittake.io.progress import progress
from gaittake.io.read_ahead import read_ahead
from gaittake.pose.augment import Samples, augment
from gaittake.pose.fast import autocast_heavy_parts
from gaittake.pose.locate import heatmaps_in_boxes, prepare
from gaittake.pose.vision import (
    ImageList,
    KeypointRCNN,
    keypointrcnn_loss,
    resize_boxes,
    resize_keypoints,
)
from gaittake.settings import PoseTraining

WARM_UP = 0.1  # share of the steps
MAX_NORM = 5.0  # of the gradient


class Batch(NamedTuple):
    """The samples of a step.

    Attributes:
        images: `[3, rows, columns]` uint8 each.
        targets: torchvision's labels of each.
    """

    images: list[Tensor]
    targets: list[dict[str, Tensor]]


def train_detector(
    model: KeypointRCNN,
    samples: Samples,
    *,
    training: PoseTraining,
    seed: int,
    colour: bool,
    detect_every: int,
    what: str,
    checkpoints: Checkpoints,
    device: torch.device,
) -> None:
    """Trains the model in place; continues from the checkpoint, if there is one.

    The samples of a step, their augmentation and torchvision's sampling depend only on (seed,
    step). On a CPU, an interrupted and continued run therefore ends with the same weights as an
    uninterrupted one.

    Args:
        model: with its initial weights; moved to the device.
        samples: the training samples.
        training: steps, batch, learning rate and precision.
        seed: of the order and the augmentation.
        colour: the samples are RGB, not silhouettes.
        detect_every: every so many steps it learns to detect people as well; in the others, and
            with 0 in all, only to find keypoints in the samples' boxes, without proposals.
        what: `teacher` or `finetune`: the settings' section, for progress and messages.
        checkpoints: entered.
        device: the device to train on.

    Raises:
        UserError: the loss is not finite; the message names the step.
        Preempted: after SIGTERM or Ctrl-C; the progress is saved.
    """
    forbid_tf32(convolutions=training.precision == "float32")
    model.to(device).train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=training.learning_rate, fused=True)
    start = _resume(model, optimiser, checkpoints.load())
    todo = range(start, training.steps)
    batches = (make_batch(samples, step, training.batch, seed, colour=colour) for step in todo)
    with (
        autocast_heavy_parts(model, device, training.precision),
        progress(what, training.steps, done=start, unit="steps") as advance,
    ):
        for step, batch in zip(todo, read_ahead(batches), strict=True):
            torch.manual_seed(seed * 1_000_003 + step)
            rate = learning_rate(training, step)
            boxes_given = not detect_every or step % detect_every > 0
            loss = _step(model, optimiser, batch, rate, boxes_given=boxes_given)
            if not math.isfinite(loss):
                raise UserError(
                    f"{what}: the loss is {loss} at step {step}; lower pose.{what}.learning_rate "
                    f"(now {training.learning_rate:g}) and run the same command again."
                )
            advance(1, note=f"loss {loss:.3f}")
            done = step + 1
            if checkpoints.preempted or done % training.checkpoint_every == 0 or done == todo.stop:
                state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
                checkpoints.save(state | {"step": done})
    model.eval()


def _resume(
    model: KeypointRCNN, optimiser: torch.optim.Optimizer, saved: dict[str, Any] | None
) -> int:
    """Loads a checkpoint, if there is one, and returns the step to start from."""
    if saved is None:
        return 0
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    step: int = saved["step"]
    return step


def learning_rate(training: PoseTraining, step: int) -> float:
    """Returns the learning rate of a step: a linear warm-up, then half a cosine to nearly zero."""
    warm = max(1, round(WARM_UP * training.steps))
    if step < warm:
        return training.learning_rate * (step + 1) / warm
    share = (step - warm + 1) / (training.steps - warm + 1)
    return training.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def order(count: int, step: int, batch: int, seed: int) -> list[int]:
    """Returns the indices of a step's samples; each epoch is another shuffle of all samples."""
    positions = range(step * batch, (step + 1) * batch)
    shuffles = {
        epoch: np.random.default_rng((seed, epoch)).permutation(count)
        for epoch in {position // count for position in positions}
    }
    return [int(shuffles[position // count][position % count]) for position in positions]


def make_batch(samples: Samples, step: int, batch: int, seed: int, *, colour: bool) -> Batch:
    """Returns the images and torchvision's targets of a step."""
    random = np.random.default_rng((seed, step, 1))
    images, targets = [], []
    for index in order(len(samples), step, batch, seed):
        sample = augment(samples[index], random, colour=colour)
        images.append(torch.from_numpy(sample.image).permute(2, 0, 1).contiguous())
        targets.append(
            {
                "boxes": torch.from_numpy(sample.box)[None],
                "labels": torch.ones(1, dtype=torch.int64),
                "keypoints": torch.from_numpy(sample.keypoints)[None],
            }
        )
    return Batch(images, targets)


def _step(
    model: KeypointRCNN,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    rate: float,
    *,
    boxes_given: bool,
) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss = detector_loss(model, batch, boxes_given=boxes_given)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
    optimiser.step()
    return float(loss.detach())


def detector_loss(model: KeypointRCNN, batch: Batch, *, boxes_given: bool) -> Tensor:
    """Returns the sum of the losses.

    Args:
        model: in training mode.
        batch: images and labels.
        boxes_given: the loss of the keypoints in the labelled boxes alone, without proposals.
    """
    prepared, targets = _prepared(model, batch)
    features = model.backbone(prepared.tensors)
    if not boxes_given:
        proposals, of_proposals = model.rpn(prepared, features, targets)
        _, of_people = model.roi_heads(features, proposals, prepared.image_sizes, targets)
        return torch.stack([*of_proposals.values(), *of_people.values()]).sum()
    boxes = [target["boxes"] for target in targets]
    heatmaps = heatmaps_in_boxes(model, features, boxes, prepared.image_sizes)
    labels = [target["keypoints"] for target in targets]
    own = [torch.arange(len(those), device=those.device) for those in boxes]
    loss: Tensor = keypointrcnn_loss(heatmaps, boxes, labels, own)
    return loss


def _prepared(model: KeypointRCNN, batch: Batch) -> tuple[ImageList, list[dict[str, Tensor]]]:
    """Returns what the model's `transform` does; images of one size in one operation."""
    device = next(model.parameters()).device
    targets = [{name: value.to(device) for name, value in each.items()} for each in batch.targets]
    if len({image.shape for image in batch.images}) > 1:
        several = [image.to(device).float() / 255 for image in batch.images]
        found: tuple[ImageList, list[dict[str, Tensor]]] = model.transform(several, targets)
        return found
    images = torch.stack(batch.images).to(device).float() / 255
    prepared = prepare(model, images)
    before, after = list(images.shape[-2:]), list(prepared.image_sizes[0])
    for target in targets:
        target["boxes"] = resize_boxes(target["boxes"], before, after)
        target["keypoints"] = resize_keypoints(target["keypoints"], before, after)
    return prepared, targets
