"""A student that has learned -> weights by the names that ``networks`` reads."""

from collections.abc import Iterable

import torch
from torch import Tensor

from vidstyle.networks.vgg import convolution_of
from vidstyle.training.student import DEAD, Student, is_weak


@torch.no_grad()
def rescaled_weights(student: Student, photos: Iterable[Tensor]) -> dict[str, Tensor]:
    """Rescale every channel by what it says about the teacher's features.

    A positive factor passes through ReLU, padding and average pooling, so the next
    convolution takes it back: the features stay the same but for their channels'
    scale. That scale is what Gram matrices feel. On a layer that was taught, a change
    of any channel by 1 changes the mapped features alike (the head's columns have the
    same length), and the mean activation of all channels is 1. On any other layer each
    channel has mean activation 1.

    Args:
        student: That has learned.
        photos: (1, 3, H, W) each.

    Returns:
        Float32 on the CPU by the names of ``Topology.weight_shapes``.

    Source: Gatys et al. 2016, section 2, gave every channel of VGG-19 mean activation
    1. Here that makes channels loud that say little: the style loss of the results
    under another network was two to ten times as high.
    """
    means = _mean_activations(student, photos)
    weights: dict[str, Tensor] = {}
    before = torch.ones(3, dtype=torch.float64)
    for layer in student.layers:
        after = _unit(means[layer].cpu(), student.heads.get(layer))  # (D,)
        name = convolution_of(layer)
        kernel = student.kernels[layer].cpu().double().unflatten(1, (-1, 3, 3))
        scale = before[None, :] / after[:, None]  # (D, C)
        weights[f"{name}_weight"] = (kernel * scale[..., None, None]).float()
        weights[f"{name}_bias"] = (student.biases[layer].cpu() / after).float()
        before = after
    return weights


def _unit(means: Tensor, head: Tensor | None) -> Tensor:
    """Choose what each channel of a layer is divided by: (C,) float64."""
    if head is None or not head.any():
        usual = means.median()
        return torch.where(is_weak(means), usual, means)
    lengths = head.detach().cpu().double().norm(dim=0)  # (C,)
    lengths = lengths.clamp_min(DEAD * float(lengths.median()))
    unit: Tensor = (means * lengths).mean() / lengths
    return unit


def _mean_activations(student: Student, photos: Iterable[Tensor]) -> dict[str, Tensor]:
    sums: dict[str, Tensor] = {}
    count = 0
    for count, photo in enumerate(photos, start=1):
        for layer, maps in student.features(photo).items():
            mean = maps.double().mean((0, 2, 3))  # (C,)
            sums[layer] = mean if count == 1 else sums[layer] + mean
    return {layer: total / count for layer, total in sums.items()}
