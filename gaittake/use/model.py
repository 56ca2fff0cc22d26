"""A trained model: silhouettes in, embedding out; two embeddings in, a distance and its meaning."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torchvision.models.detection import KeypointRCNN

from gaittake.errors import UserError
from gaittake.evaluation.distance import distances
from gaittake.models import build_network
from gaittake.pose.detector import build_detector, load_state
from gaittake.pose.fast import for_prediction
from gaittake.sequence import Reject
from gaittake.silhouette import Image
from gaittake.use.file import About, Content, read_model
from gaittake.use.prepare import Locate, Prepared, by_student, given, masks_of, none, prepare
from gaittake.use.words import origin_in_words

logger = logging.getLogger(__name__)
Embedding = npt.NDArray[np.float32]


class Comparison(NamedTuple):
    """Two walks, and what their distance means.

    Attributes:
        distance: between the embeddings.
        same_farther: share of the measured same-person pairs that lie farther apart.
        different_nearer: share of the measured pairs of two people that lie as near: the rate of
            false accepts, were this distance the threshold.
        threshold: the largest distance with at most 1 % false accepts.
        accepted: whether the distance is at most the threshold.
    """

    distance: float
    same_farther: float
    different_nearer: float
    threshold: float
    accepted: bool


class Walk(NamedTuple):
    """A walk as the network sees it.

    Attributes:
        embedding: `[p, d]`.
        frames: that were used.
        dropped: that show nobody.
    """

    embedding: Embedding
    frames: int
    dropped: int


class Model:
    """A trained network with all that belongs to it. Made by `load`.

    Args:
        content: of the file.
        path: of the file, for messages.
        device: where to compute.

    Attributes:
        about: settings, calibration, origin.
        digest: the model's identity: embeddings of two models cannot be compared.
        package: version of gaittake that wrote the file.

    Raises:
        UserError: weights that do not fit the settings.
    """

    def __init__(self, content: Content, path: Path, device: torch.device) -> None:
        self.about: About = content.about
        self.digest = content.digest
        self.package = content.package
        self.path = path
        self._device = device
        self._network = _network(content, path).to(device).eval()
        self._student = _student(content, path, device)

    def embed(
        self,
        silhouettes: npt.NDArray[np.generic],
        keypoints: npt.NDArray[np.floating] | None = None,
    ) -> Embedding:
        """Returns the embedding `[p, d]` float32 of a walk. Frames without a person are dropped.

        Args:
            silhouettes: `[frames, rows, columns]` masks of whole frames, uint8 of 0 and 255.
            keypoints: `[frames, 17, 3]`: x and y in pixels of the frames, confidence in 0…1; None:
                the model's student looks for them.

        Raises:
            UserError: arrays of another shape or dtype, or no frame that shows a person.
        """
        masks = masks_of(silhouettes)
        locate = None if keypoints is None else given(keypoints, len(masks))
        return self.embed_frames(masks, name="silhouettes", locate=locate).embedding

    def embed_frames(
        self, frames: Iterable[Image], *, name: str, locate: Locate | None = None
    ) -> Walk:
        """Returns the embedding of a walk whose frames come one after another.

        Args:
            frames: `[rows, columns]` uint8 of 0 and 255 each.
            name: of the walk, for messages.
            locate: gives the keypoints; None: the student.

        Raises:
            UserError: no frame shows a person, or the model needs keypoints to be given.
        """
        rejects: list[Reject] = []
        if self.about.keypoints == "none":
            locate = none
        found = prepare(
            frames, settings=self.about.align, locate=locate or self._asked(rejects), name=name
        )
        if found.dropped:
            logger.warning("%s: %d frames dropped, they show nobody", name, found.dropped)
        if rejects:
            logger.warning("%s: %d frames, %s", name, len(rejects), rejects[0].reason)
        return Walk(self._embedded(found), len(found.silhouettes), found.dropped)

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Returns the protocol's distance between two embeddings `[p, d]`.

        Raises:
            UserError: an embedding of another shape.
        """
        needed = (self.about.parts, self.about.embedding)
        for given_one in (one, other):
            if given_one.shape != needed:
                raise UserError(
                    f"embeddings {list(needed)} are needed, found {list(given_one.shape)}; both "
                    "must be made by this model"
                )
        return float(distances(one[None], other[None], kind=self.about.distance)[0, 0])

    def compare(self, one: Embedding, other: Embedding) -> Comparison:
        """Returns the distance of two embeddings `[p, d]` and where it lies among measured ones.

        Raises:
            UserError: an embedding of another shape.
        """
        distance, measured = self.distance(one, other), self.about.calibration
        return Comparison(
            distance,
            measured.same_farther(distance),
            measured.different_nearer(distance),
            measured.threshold,
            distance <= measured.threshold,
        )

    def _asked(self, rejects: list[Reject]) -> Locate:
        if self._student is None or self.about.predict is None:
            raise UserError(
                f"{self.path}: trained on a renderer's exact keypoints, so it has no student to "
                "look for them; give keypoints, or export a method with predicted keypoints"
            )
        return by_student(self._student, self.about.predict, rejects)

    @torch.inference_mode()
    def _embedded(self, found: Prepared) -> Embedding:
        silhouettes = torch.from_numpy(found.silhouettes).to(self._device)
        keypoints = torch.from_numpy(found.keypoints).to(self._device)
        rows = self._network(silhouettes.float()[None] / 255, keypoints[None], None)
        return np.asarray(rows[0].float().cpu().numpy(), dtype=np.float32)


def load(path: str | Path, device: str | torch.device = "cpu") -> Model:
    """Returns the model in a file of `gaittake model export`; tells what it was trained on.

    Args:
        path: of the file.
        device: where to compute, `cpu` or `cuda`.

    Raises:
        UserError: no such file, or it is damaged, foreign, of another format or does not fit.
    """
    content = read_model(Path(path))
    model = Model(content, Path(path), torch.device(device))
    level = logging.WARNING if content.about.origin.synthetic else logging.INFO
    logger.log(level, "%s: %s", path, origin_in_words(content.about.origin))
    return model


def _network(content: Content, path: Path) -> nn.Module:
    about = content.about
    try:
        network = build_network(
            about.network, height=about.align.height, width=about.align.width, **about.model
        )
        network.load_state_dict(content.network)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: its weights do not fit the network '{about.network}' of this version of "
            f"gaittake ({reason}). It was written by {content.package}: use that one, or make the "
            "model anew: gaittake model export."
        ) from error
    return network


def _student(content: Content, path: Path, device: torch.device) -> KeypointRCNN | None:
    predict = content.about.predict
    if (predict is None) != (content.student is None):
        raise UserError(f"{path}: a student needs both settings and weights, one of them is there")
    if predict is None or content.student is None:
        return None
    student = build_detector(predict.detector)
    load_state(student, content.student, path)
    return for_prediction(student.to(device), predict.precision)
