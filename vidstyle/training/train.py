"""A folder of photographs and a teacher -> a file of weights, and how good they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from vidstyle.config import TrainingConfig
from vidstyle.devices import choose_device
from vidstyle.errors import ConfigError, OutputError
from vidstyle.networks.energy import ENERGY_NAMES, layer_energies
from vidstyle.networks.load import FETCHED, load_network
from vidstyle.networks.slim import SLIM
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.networks.weights import read_weights, write_weights
from vidstyle.records import Listener, Notice, ignore
from vidstyle.training.distill import JUDGED, Distillation
from vidstyle.training.least_squares import LeastSquares, squared_error
from vidstyle.training.photos import Crops, find_photos, hold_out, read_photos
from vidstyle.training.rescale import rescaled_weights
from vidstyle.training.student import is_weak
from vidstyle.training.teachers import NetworkTeacher, Teacher, read_encoder

JUDGE_SIDE: Final = 224
"""Pixels of the squares that errors are measured on."""
USUAL_SIDE: Final = 256
"""Pixels of the squares that say what is usual: strength, mean activation."""
FITTED: Final = 100
"""Photographs that the judge's heads are fitted on."""
CHECKPOINT: Final = ".training"
"""Added to the result's name: what an interrupted training goes on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """How well a network's features give a teacher's, through the best linear heads."""

    errors: Mapping[str, float]
    """Sum of squared errors over the teacher's sum of squares, by layer."""
    weak_channels: Mapping[str, float]
    """Share of channels with less than a hundredth of their layer's median activation,
    by layer."""
    held_out: int
    """Photographs that it was measured on; no training has seen them."""


def train_network(
    photos: Path,
    output: Path,
    config: TrainingConfig,
    *,
    restart: bool = False,
    listener: Listener = ignore,
) -> Judgment:
    """Train the built-in network's successor and write its weights.

    The same command goes on where it was interrupted, from ``OUTPUT.training``.

    Args:
        photos: Folder of photographs; every tenth is held out.
        output: The ``.npz`` to write, in half precision.
        config: How to train.
        restart: Throw away what an interrupted training has left.
        listener: Told every step.

    Returns:
        How good the written weights are on the photographs held out.

    Raises:
        ImageOpenError: If a photograph cannot be read.
        ConfigError: If there are too few of them.
        WeightsError: If the teacher's weights are not to be had.
        WorkDirError: If the checkpoint is another training's.
        OutputError: If the result cannot be written.
    """
    _check_output(output)
    device = choose_device(config.device)
    training, held_out = hold_out(find_photos(photos))
    teacher = load_teacher(config.teacher, device, listener)
    crops = Crops(training, batch=config.batch, crop=config.crop, seed=config.seed)
    checkpoint = output.with_name(output.name + CHECKPOINT)
    if restart:
        checkpoint.unlink(missing_ok=True)
    distillation = Distillation(config, crops, teacher, device)
    distillation.run(checkpoint, listener)
    listener(Notice(text="measuring the network"))
    weights = rescaled_weights(distillation.student, _usual(training, device))
    weights = {name: values.half() for name, values in weights.items()}
    network = _network(weights, device)
    with torch.no_grad():
        energies = [
            layer_energies(network(photo, network.layers).values())
            for photo in _usual(training, device)
        ]
    for name, values in zip(ENERGY_NAMES, zip(*energies, strict=True), strict=True):
        medians = torch.cat(values, 1).median(1).values  # (L,)
        weights[name] = medians.float().cpu()
    write_weights(output, weights)
    judgment = judge(output, teacher, training[:FITTED], held_out, device)
    checkpoint.unlink(missing_ok=True)
    return judgment


def load_teacher(
    name: str, device: torch.device, listener: Listener = ignore
) -> Teacher:
    """Load a teacher: ``vgg16`` or ``vgg19``, or the small encoder's file.

    Args:
        name: Of the network, or of the file.
        device: Where it will compute.
        listener: Is told of a download.

    Raises:
        WeightsError: If its weights are not to be had.
    """
    for known in FETCHED:
        if name == known:
            network = load_network(
                known, device=device, pooling="max", listener=listener
            )
            return NetworkTeacher(network)
    return read_encoder(Path(name), device)


@torch.no_grad()
def judge(
    weights: Path,
    teacher: Teacher,
    fitted: Sequence[Path],
    held_out: Sequence[Path],
    device: torch.device,
) -> Judgment:
    """Measure how well stored weights give a teacher's features.

    The heads are fitted by least squares on photographs of the training, so nothing
    that the training found but the weights plays a part.

    Args:
        weights: File of the network's weights.
        teacher: Whose features are wanted.
        fitted: Photographs to fit the heads on.
        held_out: Photographs to measure on, 224x224 pixels of each.
        device: Where to compute.
    """
    network = _network(read_weights(weights, SLIM), device)
    heads = {layer: LeastSquares() for layer in JUDGED}
    activations: dict[str, list[Tensor]] = {layer: [] for layer in network.layers}
    for photo in read_photos(fitted, side=JUDGE_SIDE):
        ours, theirs = _both(network, teacher, photo.to(device))
        for layer, maps in ours.items():
            activations[layer].append(maps.mean((0, 2, 3)))
        for layer, head in heads.items():
            head.add(ours[layer], theirs[layer])
    solutions = {layer: head.solve() for layer, head in heads.items()}
    error, energy = dict.fromkeys(JUDGED, 0.0), dict.fromkeys(JUDGED, 0.0)
    for photo in read_photos(held_out, side=JUDGE_SIDE):
        ours, theirs = _both(network, teacher, photo.to(device))
        for layer in JUDGED:
            error[layer] += squared_error(solutions[layer], ours[layer], theirs[layer])
            energy[layer] += float(theirs[layer].double().square().sum())
    return Judgment(
        errors={layer: error[layer] / energy[layer] for layer in JUDGED},
        weak_channels={
            layer: _weak_share(torch.stack(values).mean(0))
            for layer, values in activations.items()
        },
        held_out=len(held_out),
    )


def _both(
    network: FeatureNetwork, teacher: Teacher, photo: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    theirs = teacher.features(photo)
    widened = {layer: teacher.widen(layer, theirs[layer]) for layer in JUDGED}
    return network(photo, network.layers), widened


def _weak_share(means: Tensor) -> float:
    return float(is_weak(means).float().mean())


def _network(weights: Mapping[str, Tensor], device: torch.device) -> FeatureNetwork:
    floats = {name: values.float() for name, values in weights.items()}
    return FeatureNetwork(SLIM, floats).to(device)


def _usual(paths: Sequence[Path], device: torch.device) -> Iterator[Tensor]:
    """Read the photographs that say what is usual, one by one: there may be many."""
    for photo in read_photos(paths, side=USUAL_SIDE):
        yield photo.to(device)


def _check_output(output: Path) -> None:
    if output.suffix != ".npz":
        raise ConfigError(f"{output} must end in .npz.")
    if not output.parent.is_dir():
        raise OutputError(f"the folder {output.parent} does not exist.")
