"""Cost of the paper's networks and of large images on one core, for `full_size.py`."""

import tempfile
from math import ceil
from pathlib import Path

import cv2
import numpy as np
import torch
from sequences import REPOSITORY, cpu_seconds
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gaittake.io.frames import read_silhouettes
from gaittake.models import build_network
from gaittake.models.cost import network_cost
from gaittake.pose.detector import build_detector
from gaittake.pose.locate import detect, scale_of
from gaittake.settings import Detector, Settings, load_settings
from gaittake.silhouette import align

SIZE = (240, 320)  # rows and columns of CASIA-B's frames, and of those of `growth.py`
FRAMES = 30
TURNS = 2
# Regions in the box head and people in the keypoint head, per frame. Prediction: torchvision's
# 1,000 proposals, one person. Training: the most that torchvision samples.
PREDICTING, TRAINING = (1000, 1), (512, 128)


def detector_macs(detector: Detector, size: tuple[int, int], *, regions: int, people: int) -> int:
    """Returns the multiply-accumulates for a frame of this size, without computing.

    Args:
        detector: its settings.
        size: rows and columns of the frame.
        regions: number of regions in the box head.
        people: number of people in the keypoint head.
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = build_detector(detector).eval()
        scale, step = scale_of(model, *size), model.transform.size_divisible
        rows, columns = (ceil(side * scale / step) * step for side in size)
        levels = model.backbone(torch.empty(1, 3, rows, columns))
        model.rpn.head(list(levels.values()))
        heads, channels = model.roi_heads, model.backbone.out_channels
        box, point = heads.box_roi_pool.output_size, heads.keypoint_roi_pool.output_size
        heads.box_predictor(heads.box_head(torch.empty(regions, channels, *box)))
        heads.keypoint_predictor(heads.keypoint_head(torch.empty(people, channels, *point)))
    return counter.get_total_flops() // 2


def gaittake(settings: Settings) -> nn.Module:
    """Returns the dataset's GaitTAKE with random weights."""
    numbers = settings.method_model("gaittake").model_dump()
    return build_network("gaittake", height=64, width=44, **numbers)


def measured_rates() -> dict[str, float]:
    """Returns the multiply-accumulates per second of CASIA-B's two networks on one core."""
    settings = load_settings(REPOSITORY / "config" / "casiab.yaml")
    detector = build_detector(settings.pose.detector).eval()
    # With random weights, one detection of any score is kept.
    detector.roi_heads.score_thresh, detector.roi_heads.detections_per_img = 0.0, 1
    picture = [torch.rand(3, *SIZE)]
    looking = cpu_seconds(lambda: detect(detector, picture), TURNS)
    regions, people = PREDICTING
    looked = detector_macs(settings.pose.detector, SIZE, regions=regions, people=people)
    network = gaittake(settings).eval()
    batch = torch.rand(1, FRAMES, 64, 44), torch.rand(1, FRAMES, 17, 3)
    with torch.inference_mode():
        embedding = cpu_seconds(lambda: network(*batch), TURNS)
    embedded = network_cost(lambda: gaittake(settings), frames=FRAMES).multiply_accumulates
    return {"detector": looked / looking, "gaittake": embedded / embedding}


def reading_seconds(size: tuple[int, int], count: int = 40) -> float:
    """Returns the CPU seconds of reading and aligning a silhouette of this size."""
    rows, columns = size
    frame = np.zeros(size, dtype=np.uint8)
    cv2.ellipse(frame, (columns // 2, rows // 2), (rows // 10, rows // 3), 0, 0, 360, 255, -1)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, count + 1):
            cv2.imwrite(f"{folder}/{number:03d}.png", frame)

        def read() -> None:
            for _, image in read_silhouettes(Path(folder), stage="", rejects=[]):
                align(image, height=64, width=44, min_mass=10_000)

        return cpu_seconds(read, TURNS) / count
