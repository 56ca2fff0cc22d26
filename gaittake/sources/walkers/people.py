"""The subjects: body, gait and look, and the motion and outfit of each take."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaittake.arrays import Float64s
from gaittake.settings import Walkers
from gaittake.sources.walkers.anthropometry import draw_adult
from gaittake.sources.walkers.body import Body, draw_body
from gaittake.sources.walkers.clothing import Look, Outfit, draw_look, draw_outfit
from gaittake.sources.walkers.gait import draw_person, draw_stride, load_model, stride_channels
from gaittake.sources.walkers.recorded import FIRST_PROBE, recorded_walks
from gaittake.sources.walkers.retarget import clip_channels
from gaittake.sources.walkers.seeds import BODY, GAIT, LOOK, TAKE, generator
from gaittake.sources.walkers.skeleton import joint_positions
from gaittake.sources.walkers.style import draw_style, posed, sequence_style, styled
from gaittake.sources.walkers.wardrobe import draw_clothes, draw_wardrobe

PASSED_M = 0.5
HEADING_RAD = 0.04


@dataclass(frozen=True)
class Take:
    """One sequence, before it is rendered in any view.

    Attributes:
        condition: `nm`, `bg` or `cl`.
        number: of the sequence.
        joints: `[frames, joint, 3]` metres.
        outfit: clothes and bag.
    """

    condition: str
    number: int
    joints: Float64s
    outfit: Outfit


@dataclass(frozen=True)
class Walker:
    """One subject."""

    subject: str
    body: Body
    look: Look
    takes: list[Take]


def shared_body(settings: Walkers, index: int) -> Body:
    """Returns one of the dataset's body shapes."""
    rng = generator(settings.seed, BODY, index)
    if settings.population == "broad":
        return draw_adult(rng)
    return draw_body(rng, spread=settings.spread)


def make_walker(settings: Walkers, subject: str) -> Walker:
    """Returns a subject of the dataset, generated (`001`) or recorded, with all takes.

    Raises:
        ValueError: there is no such subject.
    """
    look = draw_look(generator(settings.seed, LOOK, subject))
    if subject.isdecimal() and int(subject) >= 1:
        position = int(subject) - 1
        body = shared_body(settings, position % (settings.bodies or settings.subjects))
        takes = list(_generated_takes(settings, subject, position, body))
    else:
        body = shared_body(settings, 0)
        takes = list(_recorded_takes(settings, subject, body))
    return Walker(subject, body, look, takes)


def _generated_takes(settings: Walkers, subject: str, position: int, body: Body) -> Iterator[Take]:
    model = load_model()
    gait = generator(settings.seed, GAIT, position // settings.subjects_per_gait)
    person = draw_person(model, gait, spread=settings.spread, variation=settings.variation)
    broad = settings.population == "broad"
    style = draw_style(gait, spread=settings.spread)
    usual = draw_wardrobe(generator(settings.seed, LOOK, subject, "clothes"))
    counts = {"nm": settings.normal, "bg": settings.bag, "cl": settings.coat}
    for condition, count in counts.items():
        for number in range(1, count + 1):
            rng = generator(settings.seed, TAKE, subject, condition, number)
            outfit = draw_clothes(condition, usual, rng) if broad else draw_outfit(condition, rng)
            stride = draw_stride(model, person, rng)
            if broad:
                stride = styled(stride, sequence_style(style, rng, spread=settings.spread))
            channels = stride_channels(model, stride, settings.frames, settings.fps, rng)
            if outfit.extras:
                channels = posed(channels, outfit.extras.posture)
            joints = pass_by(joint_positions(channels, body), rng)
            yield Take(condition, number, joints, outfit)


def _recorded_takes(settings: Walkers, subject: str, body: Body) -> Iterator[Take]:
    if settings.recorded is None:
        raise ValueError(
            f"subject {subject}: generated subjects are numbers from 001; "
            "recorded ones require walkers.recorded"
        )
    people = recorded_walks(settings.recorded, halves=settings.recorded_halves)
    if subject not in people:
        raise ValueError(
            f"{settings.recorded}: subject {subject} needs two sequences on one skeleton; those "
            f"with enough are {list(people)}"
        )
    walks = people[subject]
    gallery = (len(walks) + 1) // 2
    for index, walk in enumerate(walks):
        for part, clip in enumerate(walk):
            joints = joint_positions(clip_channels(clip, settings.fps), body)
            first = 1 if index < gallery else FIRST_PROBE - gallery * len(walk)
            number = first + index * len(walk) + part
            # The others are in no protocol's probes.
            searched = index >= gallery or part > 0
            for condition in ("nm", "bg", "cl") if searched else ("nm",):
                rng = generator(settings.seed, TAKE, subject, condition, number)
                outfit = draw_outfit(condition, rng)
                yield Take(condition, number, pass_by(joints, rng), outfit)


def pass_by(joints: Float64s, rng: np.random.Generator) -> Float64s:
    """Returns joints `[frames, joint, 3]` that slowly pass the middle of the scene."""
    turn = float(np.clip(rng.normal(scale=HEADING_RAD), -2 * HEADING_RAD, 2 * HEADING_RAD))
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    passed = joints.copy()
    passed[:, :, 0] += np.linspace(-PASSED_M / 2, PASSED_M / 2, len(joints))[:, None]
    result: Float64s = passed @ rotation.T + [*rng.uniform(-0.06, 0.06, size=2), 0.0]
    return result
