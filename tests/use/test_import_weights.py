"""OpenGait's checkpoints become weights files: every name and shape, and what is refused."""

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import conv2d, conv3d, leaky_relu, max_pool2d, normalize

from gaittake.cli import recognition
from gaittake.cli.use import export
from gaittake.cli.weights import ImportSize, Network, app
from gaittake.errors import UserError
from gaittake.evaluation.embed import load_network
from gaittake.io.tables import read_json
from gaittake.io.weights import load_weights
from gaittake.models.opengait import TABLES, gaitset_order, neck_order
from gaittake.settings import OPENGAIT, SECTIONS, EmbedStage
from gaittake.use.describe import describe_origin
from gaittake.use.import_weights import import_weights
from gaittake.use.model import load
from tests.use import opengait_files as files

PUBLISHED = [
    ("gaitset", "casiab", files.gaitset, {}, 2_594_592),
    ("gaitset", "oumvlp", files.gaitset, {"one": 64, "two": 128, "three": 256}, 6_313_536),
    ("gaitpart", "gait3d", files.gaitpart, {}, 1_204_000),
    (
        "gaitpart",
        "grew",
        files.gaitpart,
        {"channels": (32, 64, 128, 256), "embedding": 256},
        4_841_248,
    ),
    ("gaitgl", "casiab", files.gaitgl, {}, 2_490_465),
    ("gaitgl", "oumvlp", files.gaitgl, {"deep": True}, 11_193_697),
    ("gaitgl", "grew", files.gaitgl, {"deep": True, "neck": True}, 11_193_185 + 2 * 16_384),
    ("gaitbase", "grew", files.gaitbase, {}, 6_994_112),
    ("deepgaitv2", "oumvlp", files.deepgaitv2, {}, 8_028_096),
    ("deepgaitv2", "gait3d", files.deepgaitv2, {"blocks": (1, 4, 4, 1)}, 13_195_968),
    ("skeletongait_plus", "casiab", files.skeletongait_plus, {}, 8_104_544),
]


def numbers(network: str, size: str, **changes: Any) -> dict[str, Any]:
    settings = SECTIONS[network].model_validate(OPENGAIT[network][size] | changes)
    return settings.model_dump(mode="json")


def imported(folder: Path, network: str, size: str, state: files.State, **more: Any) -> Any:
    """Imports a checkpoint; returns the network as tests build it."""
    source = files.write(folder / "theirs.pt", state)
    neck = more.pop("neck", False)
    out = folder / "weights.safetensors"
    import_weights(source, network=network, size=size, neck=neck, out=out)
    model = numbers(network, size, **({"neck": True} if neck else {}), **more)
    stage = EmbedStage(network=network, model=model, subjects=())
    return load_network(stage, out, height=64, width=44)[0]


@pytest.mark.parametrize(("network", "size", "make", "changes", "parameters"), PUBLISHED)
def test_every_published_size_is_imported_as_a_weights_file(
    tmp_path: Path,
    network: str,
    size: str,
    make: Any,
    changes: dict[str, Any],
    parameters: int,
) -> None:
    source, out = (
        files.write(tmp_path / "theirs.pt", make(**changes)),
        tmp_path / "weights.safetensors",
    )
    found = import_weights(source, network=network, size=size, neck=False, out=out)
    assert (found.parameters, found.iteration) == (parameters, 60_000)
    dropped = {"gaitset": set(), "gaitpart": set(), "gaitgl": {"Head1.fc_bin"}}
    if network in dropped and not changes.get("neck"):
        assert set(found.dropped) == dropped[network]
    else:
        assert "BNNecks.fc_bin" in found.dropped
    model = SECTIONS[network].model_validate(found.model).model_dump(mode="json")
    loaded = load_weights(out, network=network, settings=model)
    about = json.loads(loaded.made_by["settings"])
    assert (about["imported"], about["subjects"], about["iteration"]) == ("theirs.pt", [], 60_000)
    total = sum(value.numel() for value in loaded.state.values())
    counted = sum(v.numel() for n, v in make(**changes).items() if n not in found.dropped)
    assert total == counted


def test_gaitset_has_the_published_forward_with_its_order_of_heads(tmp_path: Path) -> None:
    """Theirs: strips of all scales of the frames' map, then those of the set's map."""
    state = files.gaitset()
    network = imported(tmp_path, "gaitset", "casiab", state)
    x = torch.rand(1, 4, 64, 44)

    def block(x: Tensor, name: str) -> Tensor:
        for place in (0, 2):
            weight = state[f"{name}.{place}.conv.weight"]
            x = leaky_relu(conv2d(x, weight, padding=weight.shape[2] // 2))
        return x

    one = max_pool2d(block(x[0][:, None], "set_block1.forward_block"), 2)
    two = max_pool2d(block(one, "set_block2.forward_block"), 2)
    three = block(two, "set_block3.forward_block")
    sets = [each.amax(dim=0, keepdim=True) for each in (one, two, three)]
    branch = block(max_pool2d(block(sets[0], "gl_block2"), 2) + sets[1], "gl_block3") + sets[2]
    features = []
    for feature in (sets[2], branch):
        for count in (16, 8, 4, 2, 1):
            cut = feature.reshape(1, 128, count, -1)
            features.append(cut.mean(dim=3) + cut.amax(dim=3))
    strips = torch.cat(features, dim=2).permute(2, 0, 1)  # [p, n, c]
    expected = (strips @ state["Head.fc_bin"])[:, 0]
    found = network(x, torch.zeros(1, 4, 17, 3))[0]
    torch.testing.assert_close(found, expected[gaitset_order()], atol=1e-4, rtol=1e-4)
    # The distance of two sequences, a mean over the parts, does not depend on the order.
    assert sorted(gaitset_order()) == list(range(62))


SMALL = (16, 24, 32, 40)


def test_a_p3d_block_is_the_published_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 2D convolution, a shortcut over time, a 2D convolution, each with its normalisation."""
    monkeypatch.setitem(OPENGAIT["deepgaitv2"], "casiab", {"channels": SMALL, "embedding": 32})
    state = files.deepgaitv2(SMALL)
    network = imported(tmp_path, "deepgaitv2", "casiab", state)
    x = torch.rand(2, 16, 5, 8, 6)

    def normal(x: Tensor, name: str) -> Tensor:
        norm = [state[f"{name}.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
        mean, variance, weight, bias = (v.reshape(1, -1, 1, 1, 1) for v in norm)
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    def flat(x: Tensor, name: str, stride: int) -> Tensor:
        weight = state[f"{name}.forward_block.0.weight"]
        y = conv2d(x.transpose(1, 2).flatten(0, 1), weight, stride=stride, padding=1)
        return normal(y.unflatten(0, (2, 5)).transpose(1, 2), f"{name}.forward_block.1")

    a = flat(x, "layer2.0.conv1", 2).relu()
    along = conv3d(a, state["layer2.0.shortcut3d.weight"], padding=(1, 0, 0))
    a = (a + normal(along, "layer2.0.sbn")).relu()
    b = flat(a, "layer2.0.conv2", 1)
    skip = conv3d(x, state["layer2.0.downsample.0.weight"], stride=(1, 2, 2))
    expected = (b + normal(skip, "layer2.0.downsample.1")).relu()
    found = network.later.stages[0][0](x, None)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("network", ["gaitbase", "deepgaitv2", "gaitgl"])
def test_the_bnneck_keeps_the_order_of_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    """Theirs flattens [c, p], ours [p, d]: the same embeddings come out."""
    if network == "gaitgl":
        state = files.gaitgl(deep=True, neck=True)
        built = imported(tmp_path, network, "grew", state, head="bnneck")
        neck, heads = built.neck, state["Head0.fc_bin"]
    else:
        model = {"channels": SMALL, "embedding": 32}
        monkeypatch.setitem(OPENGAIT[network], "casiab", model)
        state = getattr(files, network)(SMALL)
        built = imported(tmp_path, network, "casiab", state, neck=True)
        neck, heads = built.head.neck, state["FCs.fc_bin"]
    parts, _, width = heads.shape
    before = torch.randn(3, width, parts)  # [n, c, p]
    norm = [state[f"BNNecks.bn1d.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
    mean, variance, weight, bias = norm
    after = (before.reshape(3, -1) - mean) / (variance + 1e-5).sqrt() * weight + bias
    expected = normalize(after.reshape(3, width, parts).permute(2, 0, 1), dim=-1)  # [p, n, c]
    found = neck(before.transpose(1, 2))  # [n, p, c]
    torch.testing.assert_close(found.transpose(0, 1), expected, atol=1e-5, rtol=1e-4)
    assert not neck_order(parts, width).equal(torch.arange(parts * width))


def test_the_planes_of_skeleton_maps_change_places(tmp_path: Path) -> None:
    """Theirs are limbs, then keypoints; here keypoints, then limbs."""
    state = files.skeletongait_plus()
    network = imported(tmp_path, "skeletongait_plus", "casiab", state)
    theirs = state["map_layer0.forward_block.0.weight"]
    maps = torch.rand(1, 2, 3, 8, 6)
    frames = maps.flip(1).transpose(1, 2).flatten(0, 1)
    expected = conv2d(frames, theirs, padding=1).unflatten(0, (1, 3)).transpose(1, 2)
    stem = network.maps.stem
    found = conv2d(maps.transpose(1, 2).flatten(0, 1), stem.conv.weight, padding=1)
    found = found.unflatten(0, (1, 3)).transpose(1, 2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def refused(folder: Path, state: Any, network: str, size: str, **more: Any) -> str:
    source = files.write(folder / "theirs.pt", state)
    with pytest.raises(UserError) as error:
        import_weights(
            source,
            network=network,
            size=size,
            neck=more.get("neck", False),
            out=folder / "w.safetensors",
        )
    assert not (folder / "w.safetensors").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_missing_unknown_and_wrong_weights_are_named(tmp_path: Path) -> None:
    whole = files.gaitset()
    lacking = {n: v for n, v in whole.items() if not n.startswith("gl_block")}
    said = refused(tmp_path, lacking, "gaitset", "casiab")
    assert "it lacks gl_block2.0.conv.weight" in said
    assert "and 1 more" in said
    said = refused(tmp_path, whole | {"more.weight": torch.zeros(1)}, "gaitset", "casiab")
    assert "it should not have more.weight; it fits none of gaitset" in said
    said = refused(tmp_path, whole, "gaitset", "oumvlp")
    name = "set_block1.forward_block.0.conv.weight has the shape [32, 1, 5, 5]; [64, 1, 5, 5] is"
    assert name in said
    assert "it fits --network gaitset --size casiab" in said
    said = refused(tmp_path, files.gaitpart(), "gaitset", "casiab")
    assert "it lacks set_block1" in said
    assert "it fits --network gaitpart --size casiab" in said
    said = refused(tmp_path, files.gaitgl(deep=True), "gaitgl", "casiab")
    assert "it lacks GLConvA0.global_conv3d.conv3d.weight" in said
    assert "it fits --network gaitgl --size oumvlp" in said
    said = refused(tmp_path, files.deepgaitv2(blocks=(1, 4, 4, 1)), "deepgaitv2", "casiab")
    assert "it should not have layer2.1.conv1.forward_block.0.weight" in said
    assert "it fits --network deepgaitv2 --size gait3d" in said


def test_weights_that_only_look_like_the_needed_ones_are_refused(tmp_path: Path) -> None:
    """A part of another shape, integers of a quantised network, a shortcut over three frames."""
    whole = files.gaitpart()
    first, odd = (f"TFA.pooling_func.conv1d3x1.{part}.0.conv.weight" for part in (0, 3))
    said = refused(tmp_path, whole | {odd: torch.zeros(32, 128, 1)}, "gaitpart", "casiab")
    assert f"{odd} has the shape [32, 128, 1], but {first} [32, 128, 3]" in said
    parts = {n: torch.tensor(0.5) for n in whole if n.startswith("TFA")}
    said = refused(tmp_path, whole | parts, "gaitpart", "casiab")
    assert f"{first} has the shape [] each of 16" in said
    said = refused(
        tmp_path, files.gaitset() | {"Head.fc_bin": torch.tensor(0.5)}, "gaitset", "casiab"
    )
    assert "Head.fc_bin has the shape []" in said
    integers = {n: (100 * v).to(torch.int8) for n, v in files.gaitset().items()}
    said = refused(tmp_path, integers, "gaitset", "casiab")
    assert "set_block1.forward_block.0.conv.weight holds int8; floating-point numbers are" in said
    shortcut = "layer2.0.downsample.0.weight"
    whole = files.deepgaitv2()
    assert whole[shortcut].shape[2:] == (1, 1, 1)
    long = {shortcut: whole[shortcut].expand(-1, -1, 3, -1, -1).clone()}
    said = refused(tmp_path, whole | long, "deepgaitv2", "casiab")
    assert f"{shortcut} has the shape [128, 64, 3, 1, 1]; [128, 64, 1, 1] is required" in said


def test_a_size_that_a_network_does_not_have_and_a_neck_it_lacks_are_refused(
    tmp_path: Path,
) -> None:
    assert "the sizes of this network are casiab, gait3d, oumvlp, grew" in refused(
        tmp_path, files.gaitset(), "gaitset", "ccpg"
    )
    assert "networks: gaitset, gaitpart" in refused(tmp_path, files.gaitset(), "mt3d", "casiab")
    assert "--neck: gaitset has no such embeddings" in refused(
        tmp_path, files.gaitset(), "gaitset", "casiab", neck=True
    )


class Trap:
    """An object whose unpickling would run code."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("ran"),))


def test_no_code_of_a_checkpoint_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": files.gaitset(), "trap": Trap()}, tmp_path / "trap.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap()))
    for name in ("trap.pt", "plain.pt"):
        with pytest.raises(UserError, match="without running its code"):
            import_weights(
                tmp_path / name,
                network="gaitset",
                size="casiab",
                neck=False,
                out=Path("w.safetensors"),
            )
    assert not Path("ran").exists()


def test_files_without_weights_by_name_are_refused(tmp_path: Path) -> None:
    sparse = {"Head.fc_bin": torch.eye(3).to_sparse()}
    unnamed = {0: torch.zeros(3)}
    for content in ({"model": {}}, {"model": [1]}, {"epoch": 3}, [1, 2], sparse, unnamed):
        torch.save(content, tmp_path / "theirs.pt")
        with pytest.raises(UserError, match=r"not a checkpoint of OpenGait; it holds"):
            import_weights(
                tmp_path / "theirs.pt",
                network="gaitset",
                size="casiab",
                neck=False,
                out=tmp_path / "w.safetensors",
            )
    source = files.write(tmp_path / "theirs.pt", files.gaitset())
    with pytest.raises(UserError, match="the checkpoint itself; choose another file"):
        import_weights(source, network="gaitset", size="casiab", neck=False, out=source)


def test_names_of_a_parallel_network_are_understood(tmp_path: Path) -> None:
    state = files.gaitset()
    for name, content in (
        ("plain", state),
        ("module", {f"module.{n}": v for n, v in state.items()}),
    ):
        source = files.write(tmp_path / f"{name}.pt", content)
        import_weights(
            source,
            network="gaitset",
            size="casiab",
            neck=False,
            out=tmp_path / f"{name}.safetensors",
        )
    plain, module = (load_file(tmp_path / f"{name}.safetensors") for name in ("plain", "module"))
    assert plain.keys() == module.keys()
    assert all(torch.equal(plain[name], module[name]) for name in plain)
    mixed = {f"module.{n}" if n.startswith("gl") else n: v for n, v in state.items()}
    assert "it lacks gl_block2" in refused(tmp_path, mixed, "gaitset", "casiab")


def test_a_failed_training_an_archive_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    state = files.gaitset()
    state["Head.fc_bin"][3, 2, 1] = torch.nan
    said = refused(tmp_path, state, "gaitset", "casiab")
    assert "1 of 11 weights have numbers that are not finite, as Head.fc_bin" in said
    whole = files.write(tmp_path / "a.pt", files.gaitset())
    with zipfile.ZipFile(tmp_path / "release.zip", "w") as archive:
        archive.write(whole, "CASIA-B/GaitSet/GaitSet-40000.pt")
    (tmp_path / "short.pt").write_bytes(whole.read_bytes()[:-100])
    for name, message in (
        ("release.zip", r"an archive with CASIA-B/GaitSet/GaitSet-40000\.pt; unpack it"),
        ("short.pt", r"not a whole checkpoint .* If it is one, copy it again"),
    ):
        with pytest.raises(UserError, match=message):
            import_weights(
                tmp_path / name,
                network="gaitset",
                size="casiab",
                neck=False,
                out=tmp_path / "w.safetensors",
            )


def test_a_checkpoint_without_its_neck_fits_without_the_option(tmp_path: Path) -> None:
    state = {n: v for n, v in files.deepgaitv2().items() if not n.startswith("BNNecks")}
    said = refused(tmp_path, state, "deepgaitv2", "casiab", neck=True)
    assert said.endswith("it fits --network deepgaitv2 --size casiab without --neck")


def test_the_command_says_what_to_write_and_what_was_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = str(files.write(tmp_path / "theirs.pt", files.deepgaitv2(blocks=(1, 4, 4, 1))))
    app(
        ["import", source, "--network", "deepgaitv2", "--size", "gait3d"],
        standalone_mode=False,
    )
    said = capsys.readouterr().out.splitlines()
    assert (
        said[0]
        == "weights/deepgaitv2-gait3d.safetensors: deepgaitv2, 13,195,968 parameters, step 60,000"
    )
    assert said[1].startswith("dropped: BNNecks, BNNecks.bn1d ")
    assert said[2].startswith("input: silhouettes of 64 × 44, 0…1")
    assert said[-1] == (
        "methods: {deepgaitv2: {network: deepgaitv2, model: {blocks: [1, 4, 4, 1]}, "
        "weights: weights/deepgaitv2-gait3d.safetensors}}"
    )


def test_imported_weights_are_embedded_evaluated_and_exported(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = (16, 24, 16, 24)
    monkeypatch.setitem(OPENGAIT["deepgaitv2"], "casiab", {"channels": channels, "embedding": 16})
    source, out = (
        files.write(tmp_path / "theirs.pt", files.deepgaitv2(channels)),
        tmp_path / "w.safetensors",
    )
    import_weights(source, network="deepgaitv2", size="casiab", neck=False, out=out)
    method = {
        "network": "deepgaitv2",
        "model": {"channels": list(channels), "embedding": 16},
        "weights": str(out),
    }
    change = [f"methods={{theirs: {json.dumps(method)}}}"]
    recognition.embed("walkers", "theirs", change, threads=1)
    recognition.evaluate("walkers", "theirs", change, threads=1)
    model_file = tmp_path / "theirs.gait"
    export("walkers", "theirs", model_file, change)
    loaded = load(model_file)
    assert (loaded.about.keypoints, loaded.about.parts, loaded.about.embedding) == ("none", 16, 16)
    origin = loaded.about.origin
    assert (origin.training_subjects, origin.training_frames) == (0, 0)
    assert origin.trained_on == str(out)
    assert f"weights of {out}, measured on walkers" in describe_origin(origin)
    metrics = read_json(here / "results/walkers/theirs/metrics.json")
    assert json.loads(metrics["provenance"]["training"])["imported"] == "theirs.pt"


def test_the_command_offers_every_network_and_size() -> None:
    assert set(Network) == set(OPENGAIT) == set(TABLES)
    assert set(ImportSize) == {size for sizes in OPENGAIT.values() for size in sizes}


def test_a_missing_checkpoint_is_named_with_what_is_required(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.pt: no such file; a checkpoint of OpenGait"):
        import_weights(
            tmp_path / "none.pt",
            network="gaitset",
            size="casiab",
            neck=False,
            out=tmp_path / "weights.safetensors",
        )
