"""Sizes and recipes of the peers: as published, changed by a dataset, and refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gaittake.errors import UserError
from gaittake.models import build_network
from gaittake.settings import (
    SECTIONS,
    SIZES,
    EmbedStage,
    GaitTakeModel,
    Method,
    Settings,
    TrainStage,
    canonical,
    load_settings,
)
from gaittake.settings.training import OWN, RECIPES, Train, published
from tests.jobs import stage_settings

CONFIG = Path(__file__).parents[1] / "config"
PEERS = ("gaitset", "gaitpart", "mt3d", "gaitgl")
METHODS = {name: {"network": name} for name in ("gei", *PEERS, "gaittake")}
BUDGET = ("subjects_per_batch", "sequences_per_subject", "frames", "learning_rate")
SMALL = {
    "subjects_per_batch": 6,
    "sequences_per_subject": 4,
    "frames": 12,
    "steps": 1600,
    "learning_rate": 5e-3,
    "milestones": [1200],
}


def settings(**sections: Any) -> Settings:
    return Settings.model_validate({"dataset": "x", "methods": METHODS} | sections)


def test_with_the_papers_training_every_peer_gets_its_published_recipe() -> None:
    chosen = settings()
    for peer in PEERS:
        assert chosen.method_train(peer) == published(peer, "casiab")
    gaitset, gaitpart = chosen.method_train("gaitset"), chosen.method_train("gaitpart")
    assert (gaitset.subjects_per_batch, gaitset.sequences_per_subject) == (8, 16)
    assert (gaitset.order, gaitset.loss, gaitset.steps, gaitset.milestones) == (
        "any",
        "batch_all",
        80_000,
        (),
    )
    assert (gaitpart.order, gaitpart.steps, gaitpart.milestones) == ("sorted", 120_000, (100_000,))
    assert chosen.method_train("gaittake") == Train()


@pytest.mark.parametrize("size", ["casiab", "oumvlp"])
def test_the_papers_presets_are_gaittakes_published_size_and_recipe(size: str) -> None:
    chosen = load_settings(CONFIG / f"{size}.yaml", (f"methods={METHODS}",))
    assert chosen.size == size
    assert chosen.model == GaitTakeModel.model_validate(SIZES[size].get("gaittake", {}))
    assert chosen.train == published("gaittake", size)
    assert all(chosen.method_train(peer) == published(peer, size) for peer in PEERS)


def test_for_oumvlp_every_peer_gets_its_published_size_and_recipe() -> None:
    gaittake = RECIPES["oumvlp"]["gaittake"]
    chosen = settings(size="oumvlp", train=gaittake)
    for peer in PEERS:
        train = chosen.method_train(peer)
        assert train == published(peer, "oumvlp")
        assert train.subjects_per_batch == 32
        assert train.milestones[0] == 150_000
    assert chosen.method_model("gaitset").channels == (64, 128, 256)  # type: ignore[attr-defined]


def test_a_small_preset_changes_all_methods_alike() -> None:
    chosen = settings(train=SMALL, size="small")
    factor = 1600 / 80_000
    for peer in PEERS:
        train, own = chosen.method_train(peer), published(peer, "small")
        assert all(getattr(train, name) == SMALL[name] for name in BUDGET)
        assert train.steps == own.steps * factor
        assert train.milestones == (train.steps * 3 // 4,)
        assert all(getattr(train, name) == getattr(own, name) for name in OWN)
    assert chosen.method_train("gaitpart").steps == 2400


@pytest.mark.parametrize("network", ["gaitbase", "deepgaitv2", "skeletongait_plus"])
def test_the_residual_networks_train_with_sgd_a_bnneck_and_cosines(network: str) -> None:
    chosen = settings(methods=METHODS | {network: {"network": network}})
    train = chosen.method_train(network)
    assert train == published(network, "casiab")
    assert (train.optimiser, train.learning_rate, train.weight_decay) == ("sgd", 0.1, 5e-4)
    assert (train.cross_entropy, train.neck, train.cosine, train.label_smoothing) == (
        1.0,
        True,
        16.0,
        0.1,
    )
    assert (train.subjects_per_batch, train.sequences_per_subject) == (8, 16)
    assert (train.steps, train.milestones[0], train.loss) == (60_000, 20_000, "batch_all")
    changes = (train.mirror, train.rotate, train.perspective, train.erase)
    assert changes == ((0, 0.3, 0, 0.3) if network == "gaitbase" else (0.2, 0.2, 0.2, 0))


def test_the_learning_rate_of_a_dataset_is_that_of_its_optimiser() -> None:
    methods = METHODS | {"gaitbase": {"network": "gaitbase"}}
    chosen = settings(train=SMALL, size="small", methods=methods)
    train = chosen.method_train("gaitbase")
    assert (train.learning_rate, train.steps, train.milestones) == (0.1, 1200, (900,))
    assert chosen.method_train("gaitset").learning_rate == 5e-3
    same = settings(train=SMALL | {"optimiser": "sgd"}, size="small", methods=methods)
    assert same.method_train("gaitbase").learning_rate == 5e-3
    assert same.method_train("gaitset").optimiser == "adam"


def test_fewer_steps_alone_shorten_the_peers_own_milestones() -> None:
    chosen = settings(train={"steps": 8000, "milestones": [70_000]})
    assert chosen.method_train("gaitpart").milestones == (10_000,)
    assert chosen.method_train("gaitset").milestones == ()


def test_what_defines_gaittake_does_not_change_the_peers() -> None:
    chosen = settings(train={"loss": "batch_hard", "mirror": 0.5, "log_every": 7})
    train = chosen.method_train("gaitset")
    assert (train.loss, train.mirror, train.log_every) == ("batch_all", 0.0, 7)


def test_a_method_overrides_its_recipe_and_its_size() -> None:
    iccv = {"network": "gaitgl", "model": {"head": "iccv"}, "train": {"cross_entropy": 1.0}}
    chosen = settings(methods={"gaitgl_iccv": iccv}, size="small")
    assert chosen.method_train("gaitgl_iccv").cross_entropy == 1.0
    model = chosen.method_model("gaitgl_iccv").model_dump()
    assert (model["head"], model["channels"]) == ("iccv", (8, 16, 16, 16))


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_gaittakes_too_and_model_overrides_it(size: str) -> None:
    published_size = SIZES[size].get("gaittake", {})
    assert settings(size=size).model == GaitTakeModel.model_validate(published_size)
    overridden = settings(size=size, model={"clip_length": 3, "shrink": 4})
    expected = GaitTakeModel.model_validate(published_size | {"clip_length": 3, "shrink": 4})
    assert overridden.model == overridden.method_model("gaittake") == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("network", SECTIONS)
def test_the_settings_of_every_network_build_it(network: str, size: str) -> None:
    section = SECTIONS[network].model_validate(SIZES[size].get(network, {}))
    numbers = yaml.safe_load(yaml.safe_dump(section.model_dump(mode="json")))
    if size == "small":
        build_network(network, height=64, width=44, **numbers)
    fields = set(SECTIONS[network].model_fields)
    assert set(SIZES[size].get(network, {})) <= fields


def test_a_method_may_name_every_network() -> None:
    assert set(Method.model_fields["network"].annotation.__args__) == set(SECTIONS)  # type: ignore[union-attr]
    assert set(RECIPES["casiab"]) == set(RECIPES["oumvlp"]) == set(SECTIONS) - {"gei"}


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            "{network: gaitset, model: {strips: 4}}",
            r"methods\.mine\.model\.strips' is not a setting",
        ),
        ("{network: gaitset, model: {shrink: 0}}", r"'methods\.mine\.model\.shrink': .*, found 0"),
        ("{train: {neck: true}}", r"'methods\.mine\.train\.neck': .*a part of cross_entropy"),
        ("{train: {cosine: 16}}", r"'methods\.mine\.train\.cosine': .*a part of cross_entropy"),
        ("{train: {label_smoothing: 0.1}}", r"label_smoothing': .*a part of cross_entropy"),
        ("{model: {fusion: attention, skeleton_maps: true}}", "'attention' needs silhouettes and"),
        ("{model: {fusion: attention, keypoints: false}}", "'attention' needs silhouettes and"),
        ("{network: deepgaitv2, model: {mode: 4d}}", r"model\.mode': .*found '4d'"),
        ("{network: gei, weights: a.pt}", "gei has no weights; remove them"),
        ("{weights: a.pt, train: {steps: 5}}", "not trained; remove train, or the weights"),
        ("{model: {silhouettes: false, keypoints: false}}", "one must be true"),
        ("{train: {steps: 0}}", r"'methods\.mine\.train\.steps': .*, found 0"),
        ("{network: gaitsett}", r"'methods\.mine\.network': .*'gaitset'.*, found 'gaitsett'"),
    ],
)
def test_a_wrong_method_is_named_by_its_position(tmp_path: Path, method: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"methods: {{mine: {method}}}")
    with pytest.raises(UserError, match=message) as error:
        load_settings(path)
    assert "\n" not in str(error.value)


def test_the_records_of_a_peer_survive_json() -> None:
    chosen = settings(size="small")
    for method in METHODS:
        for stage, kind in (("train", TrainStage), ("embed", EmbedStage)):
            record = stage_settings(chosen, stage, method=method)
            assert canonical(kind.model_validate_json(canonical(record))) == canonical(record)


def test_a_setting_of_a_peer_does_not_change_gaittakes_record() -> None:
    one = settings()
    other = settings(
        methods=METHODS | {"gaitset": {"network": "gaitset", "model": {"embedding": 64}}}
    )
    for stage in ("train", "embed"):
        records = [
            canonical(stage_settings(each, stage, method="gaittake")) for each in (one, other)
        ]
        assert records[0] == records[1]
    model = stage_settings(one, "train", method="gaittake").model  # type: ignore[attr-defined]
    assert model == GaitTakeModel().model_dump(mode="json")
