"""Recorded walks cut into halves: disjoint in time, and the protocols of config/cmu_halves.yaml."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.pipeline import subjects
from gaittake.sequence import type_of, view_at
from gaittake.settings import Settings, Walkers, load_settings
from gaittake.sources.walkers.people import Walker, make_walker
from gaittake.sources.walkers.recorded import read_clips, recorded_walks
from gaittake.sources.walkers.retarget import clip_channels
from gaittake.sources.walkers.skeleton import joint_positions
from tests.sources.walker_files import write_clips

CONFIG = Path(__file__).parents[2] / "config" / "cmu_halves.yaml"
FPS = 15
PEOPLE = {"Ann": 5, "Bob": 2, "Once": 1}
Half = tuple[str, int]  # clip and 0 or 1


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Returns the shipped settings for three written people, one of them with one walk."""
    shipped = load_settings(CONFIG)
    walks = write_clips(tmp_path, PEOPLE)
    return shipped.model_copy(
        update={"walkers": shipped.walkers.model_copy(update={"recorded": walks})}
    )


def sources(settings: Settings, walker: Walker) -> dict[str, Half]:
    """Returns the clip and the half behind each type, found by the heights of the joints.

    Neither the heading nor the place in the scene changes heights.
    """
    assert settings.walkers.recorded is not None
    heights: dict[Half, np.ndarray] = {}
    for clip in read_clips(settings.walkers.recorded):
        middle = len(clip.joints["l_hip"]) // 2
        for half, frames in enumerate((slice(0, middle), slice(middle, None))):
            cut = {name: track[frames] for name, track in clip.joints.items()}
            part = type(clip)(clip.name, "s", clip.subject, clip.trial, clip.fps, cut)
            joints = joint_positions(clip_channels(part, FPS), walker.body)
            heights[clip.name, half] = joints[:, :, 2]
    found = {}
    for take in walker.takes:
        same = [
            key
            for key, known in heights.items()
            if known.shape == take.joints.shape[:2] and np.allclose(known, take.joints[:, :, 2])
        ]
        (found[type_of(take.condition, take.number)],) = same
    return found


def test_the_halves_of_a_walk_share_no_recorded_frame_and_are_all_of_it(tmp_path: Path) -> None:
    path = write_clips(tmp_path, {"Ann": 2}, frames=91)
    whole = read_clips(path)
    for clip, (first, second) in zip(whole, recorded_walks(path, halves=True)["Ann"], strict=True):
        for joint, track in clip.joints.items():
            assert (len(first.joints[joint]), len(second.joints[joint])) == (45, 46)
            joined = np.concatenate([first.joints[joint], second.joints[joint]])
            np.testing.assert_array_equal(joined, track)


def test_odd_numbers_are_first_halves_and_later_walks_are_numbered_from_51(
    settings: Settings,
) -> None:
    found = sources(settings, make_walker(settings.walkers, "Ann"))
    assert {name: half for name, half in found.items() if name.startswith("nm")} == {
        "nm-01": ("Ann_00", 0),
        "nm-02": ("Ann_00", 1),
        "nm-03": ("Ann_01", 0),
        "nm-04": ("Ann_01", 1),
        "nm-05": ("Ann_02", 0),
        "nm-06": ("Ann_02", 1),
        "nm-51": ("Ann_03", 0),
        "nm-52": ("Ann_03", 1),
        "nm-53": ("Ann_04", 0),
        "nm-54": ("Ann_04", 1),
    }
    for condition in ("bg", "cl"):
        numbers = {name[3:] for name in found if name.startswith(condition)}
        assert numbers == {"02", "04", "06", "51", "52", "53", "54"}
        assert all(found[f"{condition}-{number}"] == found[f"nm-{number}"] for number in numbers)


def test_same_walk_searches_a_half_in_the_other_and_other_walk_never_does(
    settings: Settings,
) -> None:
    people = subjects.test_subjects(settings)
    assert people == ["Ann", "Bob", "Once"]
    behind = {s: sources(settings, make_walker(settings.walkers, s)) for s in people}
    found = [
        (subject, kind, view_at(view))
        for subject, kinds in behind.items()
        for kind in kinds
        for view in settings.walkers.views
    ]
    assert all(settings.protocol.used(found))
    probed: dict[str, set[str]] = {}
    for row in settings.protocol.rows():
        members = settings.protocol.members(row, found)
        gallery = {
            behind[s][kind]
            for (s, kind, _), held in zip(found, members.gallery, strict=True)
            if held
        }
        assert {clip.split("_")[0] for clip, _ in gallery} == set(people)
        for (subject, kind, _), searched in zip(found, members.probes, strict=True):
            if not searched:
                continue
            clip, half = behind[subject][kind]
            probed.setdefault(row.name, set()).add(clip)
            assert (clip, half) not in gallery
            assert kind.startswith(row.name[-2:])
            assert ((clip, 1 - half) in gallery) == row.name.startswith("same walk")
    every = {
        f"{subject}_{trial:02d}" for subject, count in PEOPLE.items() for trial in range(count)
    }
    later = {"Ann_03", "Ann_04", "Bob_01"}
    assert probed == {
        f"{which} walk {condition}": clips
        for which, clips in (("same", every), ("other", later))
        for condition in ("nm", "bg", "cl")
    }


def test_a_person_with_one_walk_is_tested_only_if_it_is_cut(tmp_path: Path) -> None:
    path = write_clips(tmp_path, {"Once": 1, "Zoe": 2})
    assert list(recorded_walks(path, halves=False)) == ["Zoe"]
    assert list(recorded_walks(path, halves=True)) == ["Once", "Zoe"]


def test_a_walk_too_short_for_two_halves_stops_the_run_and_is_named(settings: Settings) -> None:
    assert settings.walkers.recorded is not None
    write_clips(settings.walkers.recorded.parent, {"Ann": 2}, frames=59)
    with pytest.raises(UserError, match=r"half of clip 'Ann_00' needs 1 s, the clip has 59 frames"):
        subjects.test_subjects(settings)
    write_clips(settings.walkers.recorded.parent, {"Ann": 2}, frames=60)
    assert subjects.test_subjects(settings) == ["Ann"]


@pytest.mark.parametrize(("halves", "most"), [(True, 48), (False, 98)])
def test_more_walks_than_numbers_are_refused(tmp_path: Path, *, halves: bool, most: int) -> None:
    path = write_clips(tmp_path, {"Ann": most}, frames=60)
    walks = Walkers(recorded=path, recorded_halves=halves)
    assert max(take.number for take in make_walker(walks, "Ann").takes) <= 99
    path = write_clips(tmp_path, {"Ann": most + 1}, frames=60)
    with pytest.raises(ValueError, match=f"Ann has {most + 1} walks, at most {most} can be"):
        recorded_walks(path, halves=halves)
