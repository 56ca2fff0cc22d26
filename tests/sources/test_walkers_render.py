"""Rendering: layout, determinism, truth, and which features may identify a subject."""

import filecmp
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaittake.io.ragged import open_ragged
from gaittake.settings import Pose, Settings, Walkers, canonical
from gaittake.sources.walkers import dataset
from gaittake.sources.walkers.dataset import (
    render_people,
    render_subjects,
    render_take,
    subject_scene,
)
from gaittake.sources.walkers.people import make_walker
from gaittake.sources.walkers.preview import contact_sheet
from gaittake.sources.walkers.skeleton import COCO
from gaittake.sources.walkers.style import draw_style
from tests.jobs import stage_settings

SMALL = Walkers(
    subjects=4,
    bodies=3,
    views=(0, 90, 180),
    normal=1,
    bag=1,
    coat=2,
    frames=8,
    width=160,
    height=120,
)


def files_of(folder: Path) -> dict[str, Path]:
    return {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walkers")
    render_subjects(SMALL, ["001", "002"], folder)
    return folder


def test_files_have_casia_bs_layout(rendered: Path) -> None:
    files = files_of(rendered)
    assert "silhouettes/001/nm-01/090/001-nm-01-090-001.png" in files
    assert "silhouettes/002/cl-02/180/002-cl-02-180-008.png" in files
    assert "videos/001-bg-01-000.avi" in files
    assert len(files) == 2 * 4 * 3 * (8 + 1) + 1


def test_videos_are_in_colour_and_as_long_as_their_silhouettes(rendered: Path) -> None:
    video = cv2.VideoCapture(str(rendered / "videos/001-nm-01-090.avi"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 8
    assert video.get(cv2.CAP_PROP_FPS) == 25
    ok, frame = video.read()
    assert ok
    assert frame.shape == (120, 160, 3)


def test_rendering_again_gives_the_same_bytes(rendered: Path, tmp_path: Path) -> None:
    more = SMALL.model_copy(update={"subjects": 40})
    render_subjects(more, ["003", "002"], tmp_path)
    before, after = files_of(rendered), files_of(tmp_path)
    shared = [name for name in before if "002" in name.split("/")[-1].split("-")[0]]
    assert len(shared) == 4 * 3 * 9
    assert all(filecmp.cmp(before[name], after[name], shallow=False) for name in shared)


def test_another_seed_gives_other_people() -> None:
    first = make_walker(SMALL, "001").takes[0].joints
    other = make_walker(SMALL.model_copy(update={"seed": 1}), "001").takes[0].joints
    assert np.abs(first - other).max() > 0.01


def test_truth_has_a_row_per_frame_and_progress_counts_sequences(tmp_path: Path) -> None:
    told: list[int] = []
    one_view = SMALL.model_copy(update={"views": (90,)})
    render_subjects(one_view, ["001"], tmp_path, told.append)
    assert told == [1, 2, 3, 4]
    with open_ragged(tmp_path / "truth.h5", kind="truth") as truth:
        assert list(truth.sequences["frame_count"]) == [8] * 4
        assert truth.read("joints").shape == (32, 17, 2)
        assert truth.read("visible").dtype == bool
        boxes = truth.read("boxes")
    assert (boxes[:, 2] > boxes[:, 0]).all()


@pytest.mark.parametrize("view", [0, 36, 90, 144, 180])
def test_silhouettes_are_binary_and_the_figure_is_whole_in_the_frame(view: int) -> None:
    for subject in ("001", "002", "003"):
        walker, scene = make_walker(SMALL, subject), subject_scene(SMALL, subject)
        for take in walker.takes:
            result = render_take(SMALL, walker, take, view, scene)
            assert set(np.unique(result.silhouettes)) == {0, 255}
            assert result.boxes[:, :2].min() >= 3
            assert (result.boxes[:, 2:] <= [156, 116]).all()
            height = (result.boxes[:, 3] - result.boxes[:, 1]) / SMALL.height
            assert (height > 0.45).all()
            assert (height < 0.85).all()
            for silhouette in result.silhouettes:
                areas = cv2.connectedComponentsWithStats(silhouette)[2][1:, cv2.CC_STAT_AREA]
                assert areas.max() > 0.85 * areas.sum()


@pytest.mark.parametrize("view", [0, 54, 90, 180])
def test_joints_lie_in_the_clean_silhouette(view: int) -> None:
    walker, scene = make_walker(SMALL, "003"), subject_scene(SMALL, "003")
    for take in walker.takes:
        result = render_take(SMALL, walker, take, view, scene)
        for clean, joints in zip(result.clean, result.joints, strict=True):
            outside = cv2.distanceTransform((clean == 0).astype(np.uint8), cv2.DIST_L2, 5)
            pixels = np.floor(joints).astype(int)
            assert outside[pixels[:, 1], pixels[:, 0]].max() < 2.5


def test_from_the_left_side_subjects_walk_to_the_left_with_the_widest_steps() -> None:
    walker, scene = make_walker(SMALL, "001"), subject_scene(SMALL, "001")
    take = walker.takes[0]
    side, front, back = (render_take(SMALL, walker, take, v, scene).joints for v in (90, 0, 180))
    ankles = [COCO.index("l_ankle"), COCO.index("r_ankle")]

    def step(joints: np.ndarray) -> float:
        return float(np.abs(np.diff(joints[:, ankles, 0])).max())

    assert step(side) > 2 * max(step(front), step(back))
    nose, ears = side[:, 0, 0], side[:, 3:5, 0].mean(axis=1)
    assert (nose < ears).all()
    left, right = COCO.index("l_shoulder"), COCO.index("r_shoulder")
    assert (front[:, left, 0] > front[:, right, 0]).all()
    assert (back[:, left, 0] < back[:, right, 0]).all()


def test_faces_are_visible_only_from_the_front_and_far_limbs_are_hidden_from_the_side() -> None:
    walker, scene = make_walker(SMALL, "001"), subject_scene(SMALL, "001")
    take = walker.takes[0]
    side, front, back = (render_take(SMALL, walker, take, v, scene).visible for v in (90, 0, 180))
    assert front[:, :3].all()
    assert not back[:, :3].any()
    assert side[:, COCO.index("l_shoulder")].all()
    assert not side[:, COCO.index("r_shoulder")].any()


def test_bodies_and_gaits_are_shared_as_the_settings_say() -> None:
    walkers = {s: make_walker(SMALL, s) for s in ("001", "002", "004")}
    assert walkers["001"].body == walkers["004"].body  # three bodies
    assert walkers["001"].body != walkers["002"].body
    assert walkers["001"].look != walkers["004"].look


def test_two_subjects_with_one_gait_swing_their_arms_alike() -> None:
    from gaittake.sources.walkers.gait import draw_person, load_model
    from gaittake.sources.walkers.seeds import GAIT, generator

    gaits = [
        draw_person(load_model(), generator(SMALL.seed, GAIT, i // SMALL.subjects_per_gait))
        for i in range(4)
    ]
    np.testing.assert_array_equal(gaits[0].features, gaits[1].features)
    assert np.abs(gaits[1].features - gaits[2].features).max() > 0.01


def test_coats_are_independent_of_the_subject() -> None:
    many = SMALL.model_copy(update={"subjects": 60, "normal": 0 + 1, "bag": 0, "frames": 8})
    hems = []
    for number in range(1, 61):
        coats = [take.outfit.coat for take in make_walker(many, f"{number:03d}").takes[1:]]
        hems.append([coat.hem for coat in coats if coat is not None])
    pairs = np.array(hems)
    own = np.abs(pairs[:, 0] - pairs[:, 1]).mean()
    others = np.abs(pairs[:, None, 0] - pairs[None, :, 1]).mean()
    assert own > 0.95 * others
    assert np.corrcoef(pairs.T)[0, 1] < 0.2


def test_a_coat_and_a_bag_change_the_silhouette() -> None:
    many = SMALL.model_copy(update={"noise": 0.0})
    areas: dict[str, list[float]] = {}
    for subject in ("001", "002", "003", "004"):
        walker, scene = make_walker(many, subject), subject_scene(many, subject)
        for take in walker.takes:
            clean = render_take(many, walker, take, 90, scene).silhouettes
            areas.setdefault(take.condition, []).append(float((clean > 0).mean()))
    assert np.mean(areas["cl"]) > 1.1 * np.mean(areas["nm"])
    assert np.mean(areas["bg"]) > np.mean(areas["nm"])


def test_without_noise_silhouettes_are_the_clean_ones() -> None:
    clean = SMALL.model_copy(update={"noise": 0.0})
    walker, scene = make_walker(clean, "001"), subject_scene(clean, "001")
    result = render_take(clean, walker, walker.takes[0], 90, scene)
    np.testing.assert_array_equal(result.silhouettes, result.clean)


def test_people_for_the_teacher_are_complete_and_reproducible() -> None:
    first, again = render_people(SMALL, 12, seed=3), render_people(SMALL, 12, seed=3)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    images, silhouettes, joints, visible, boxes = first
    assert images.shape == (12, 120, 160, 3)
    assert images.dtype == silhouettes.dtype == np.uint8
    assert joints.shape == (12, 17, 2)
    assert joints.dtype == boxes.dtype == np.float32
    assert visible.shape == (12, 17)
    assert boxes[:, :2].min() >= 2
    assert (boxes[:, 2:] <= [157, 117]).all()


@pytest.mark.parametrize("population", ["recorded", "broad"])
def test_people_for_the_teacher_differ_as_much_as_the_datasets_subjects(
    population: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Styles differ with the spread on their own: here all are the same.
    monkeypatch.setattr(dataset, "draw_style", lambda rng, spread: draw_style(rng, spread=0.0))
    alike, usual, unlike = (
        render_people(
            SMALL.model_copy(update={"spread": spread, "population": population}), 12, seed=3
        )[2]
        for spread in (0.0, 1.0, 2.0)
    )
    once, twice = (np.abs(joints - alike).mean() for joints in (usual, unlike))
    assert 1.7 < twice / once < 2.3
    assert once > 0.5  # pixels


def test_the_teacher_depends_on_how_much_people_differ() -> None:
    pose = Pose(teacher_weights="walkers")
    stages = [
        stage_settings(Settings(dataset="x", walkers=Walkers(spread=spread), pose=pose), "teacher")
        for spread in (1.0, 1.8)
    ]
    assert canonical(stages[0]) != canonical(stages[1])


def test_the_contact_sheet_is_a_picture(tmp_path: Path) -> None:
    contact_sheet(SMALL, "002", tmp_path / "sheets" / "002.png")
    picture = cv2.imread(str(tmp_path / "sheets" / "002.png"))
    assert picture is not None
    assert picture.shape[1] > 3 * 160


def test_a_view_does_not_depend_on_the_other_views() -> None:
    walker, scene = make_walker(SMALL, "001"), subject_scene(SMALL, "001")
    one = render_take(SMALL, walker, walker.takes[0], 90, scene).colour
    fewer = SMALL.model_copy(update={"views": (90,)})
    two = render_take(fewer, make_walker(fewer, "001"), walker.takes[0], 90, scene).colour
    np.testing.assert_array_equal(one, two)
