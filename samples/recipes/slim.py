"""Train vidstyle's built-in network, slim, from the real VGG-19.

    pip install "vidstyle[vgg19]"
    python samples/recipes/slim.py PICTURES... -o vidstyle/networks/slim.npz

PICTURES are folders of photographs and paintings; none of their pixels gets into the
weights' file. What the run did is written down in ``vidstyle/networks/SLIM.md``.

Each layer's features shall give VGG-19's through a linear map H, which is thrown away
but for M = (H^T H)^(1/2): ``|H G H^T| = |M G M^T|``, so distances of M F are those that
VGG-19 would measure, as far as slim sees. VGG-19's features are computed once, and kept
as their leading principal components on a grid of each layer's pixels.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.optim import Adam, AdamW

from vidstyle.images import PICTURE_ENDINGS, read_picture, resize_frame
from vidstyle.networks import SLIM, load_network
from vidstyle.networks.energy import ENERGY_NAMES, layer_energies
from vidstyle.networks.vgg import FeatureNetwork, block_of, convolution_of
from vidstyle.networks.weights import write_weights

LOG = logging.getLogger(__name__)
TAUGHT = {layer: layer for layer in SLIM.layers} | {
    "relu3_3": "relu3_4",
    "relu4_3": "relu4_4",
}
"""slim's layers and VGG-19's; the end of a block stands for the end of a block."""
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
WEIGHTS = {layer: 1.0 if layer in (*STYLE, "relu4_2") else 0.4 for layer in TAUGHT}
"""Layers that pictures are made of count most."""
COMPONENTS = {1: 40, 2: 80, 3: 160, 4: 288, 5: 320}
"""Leading components of VGG-19's features that are kept, by block."""
STRIDES = {1: 4, 2: 3, 3: 2, 4: 1, 5: 1}
"""By block: spacing of the pixels compared, since neighbors are nearly the same."""
CROP = 128
GROUP = 6
"""Crops in a step."""
LEAK = 0.01
"""Share of the gradient that passes where ReLU gives 0, so that fewer channels die."""
WEAK = 0.02
"""Share of its layer's median activation below which a channel counts as dead."""
REVIVE_EVERY = 350
"""Steps; until the steps' length has fallen to a quarter."""
HELD_OUT = 12
"""One group in so many is never trained on."""


class Student(nn.Module):
    """slim with gradients to its weights, and a linear head on each layer."""

    def __init__(self, weights: dict[str, Tensor], generator: torch.Generator) -> None:
        """Start from weights, drawing the channels that they lack."""
        super().__init__()
        self.kernels, self.biases = nn.ParameterDict(), nn.ParameterDict()
        self.heads = nn.ParameterDict()
        before = 3
        for layer in SLIM.layers:
            name = convolution_of(layer)
            out, incoming, *_ = SLIM.weight_shapes[f"{name}_weight"]
            kernel = torch.empty(out, incoming * 9)
            nn.init.orthogonal_(kernel, 1.0, generator)
            kernel = kernel.unflatten(1, (incoming, 3, 3))
            old = weights[f"{name}_weight"]
            kernel[: len(old)] = 0
            kernel[: len(old), :before] = old
            bias = torch.zeros(out)
            bias[: len(old)] = weights[f"{name}_bias"]
            before = len(old)
            self.kernels[layer] = nn.Parameter(kernel.flatten(1))
            self.biases[layer] = nn.Parameter(bias)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Compute every layer's features of images (N, 3, H, W) in [0, 1]."""
        mean, std = (
            images.new_tensor(x).view(1, 3, 1, 1) for x in (SLIM.mean, SLIM.std)
        )
        signal, found = (images - mean) / std, {}
        for layer in SLIM.layers:
            if layer.endswith("_1") and layer != "relu1_1":
                signal = F.avg_pool2d(signal, 2)
            raw = convolved(signal, self.kernels[layer], self.biases[layer])
            signal = LeakyBackward.apply(raw)
            found[layer] = signal
        return found

    @torch.no_grad()
    def revive(self, images: Tensor, generator: torch.Generator) -> None:
        """Draw channels that are nearly dead anew, as lively as their layer's others.

        What reads them is set to 0, so that the answers stay the same; the next steps
        find a use for them. Also makes channels that were just added useful.
        """
        mean, std = (
            images.new_tensor(x).view(1, 3, 1, 1) for x in (SLIM.mean, SLIM.std)
        )
        signal = (images - mean) / std
        for layer, after in zip(SLIM.layers, (*SLIM.layers[1:], None), strict=True):
            if layer.endswith("_1") and layer != "relu1_1":
                signal = F.avg_pool2d(signal, 2)
            kernel, bias = self.kernels[layer].data, self.biases[layer].data
            raw = convolved(signal, kernel, bias)
            means = F.relu(raw).mean((0, 2, 3))
            weak = means < WEAK * means[means > 0].median()
            if weak.any():
                fresh = torch.randn(
                    int(weak.sum()), kernel.shape[1], generator=generator
                )
                drawn = convolved(signal, fresh, torch.zeros(len(fresh)))
                others = raw[:, ~weak]
                scale = others.std((0, 2, 3)).median() / drawn.std((0, 2, 3))
                kernel[weak] = fresh * scale[:, None]
                level = others.mean((0, 2, 3)).median()
                bias[weak] = level - drawn.mean((0, 2, 3)) * scale
                if layer in self.heads:
                    self.heads[layer].data[:, weak] = 0
                if after is not None:
                    self.kernels[after].data.unflatten(1, (-1, 9))[:, weak] = 0
            signal = F.relu(convolved(signal, kernel, bias))


def convolved(signal: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Convolve with a kernel that is held as a matrix (out, in * 9)."""
    padded = F.pad(signal, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, kernel.unflatten(1, (-1, 3, 3)), bias)


class Muon:
    """Momentum, orthogonalised by five Newton-Schulz iterations; in float32.

    Source: Jordan 2024, "Muon"; the scale is Moonshot's, which matches AdamW's. torch's
    own computes in bfloat16, which most CPUs only imitate: three times a step's time.
    """

    def __init__(self, matrices: Sequence[nn.Parameter]) -> None:
        """Begin at rest."""
        self.matrices = matrices
        self.momenta = [torch.zeros_like(each) for each in matrices]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Take a step along the gradients, and forget them."""
        for matrix, momentum in zip(self.matrices, self.momenta, strict=True):
            momentum.lerp_(matrix.grad, 0.05)
            x = matrix.grad.lerp(momentum, 0.95)
            is_tall = len(x) > x.shape[1]
            x = x.T if is_tall else x
            x = x / x.norm().clamp_min(1e-7)
            for _ in range(5):
                gram = x @ x.T
                x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
            x = x.T if is_tall else x
            matrix.sub_(x, alpha=0.2 * lr * max(matrix.shape) ** 0.5)
            matrix.grad = None


class LeakyBackward(torch.autograd.Function):
    """The positive part, with a gradient that can wake a channel that died."""

    @staticmethod
    def forward(ctx, signal):  # noqa: ANN001, ANN205
        """Take the positive part."""
        positive = F.relu(signal)
        ctx.save_for_backward(positive)
        return positive

    @staticmethod
    def backward(ctx, gradient):  # noqa: ANN001, ANN205
        """Let a little of the gradient through where it was 0."""
        (positive,) = ctx.saved_tensors
        return torch.ops.aten.leaky_relu_backward(gradient, positive, LEAK, True)


def grid(layer: str, maps: Tensor, group: int) -> Tensor:
    """Take a layer's pixels on the grid of a group: (N, C, h, w) -> (N, C, h', w')."""
    stride = STRIDES[block_of(layer)]
    down, across = group % stride, group // stride % stride
    return maps[..., down::stride, across::stride]


class Lessons:
    """Crops, and what VGG-19 makes of them."""

    def __init__(self, teacher: FeatureNetwork) -> None:
        """Begin without any."""
        self.teacher = teacher
        self.bases: dict[str, Tensor] = {}
        self.energies: dict[str, float] = {}
        self.crops: list[Tensor] = []
        self.targets: list[dict[str, Tensor]] = []

    @torch.no_grad()
    def find_bases(self, crops: Tensor) -> None:
        """Find the leading components of VGG-19's features, without a shift."""
        moments: dict[str, Tensor] = {}
        for group in crops.split(GROUP):
            features = self.features(group)
            for layer, deep in TAUGHT.items():
                rows = features[deep].movedim(1, -1).flatten(0, 2)
                moments[layer] = moments.get(layer, 0) + rows.T @ rows / len(rows)
        for layer, moment in moments.items():
            _, vectors = torch.linalg.eigh(moment.double())
            kept = vectors[:, -COMPONENTS[block_of(layer)] :].flip(1)
            self.bases[layer] = kept.float()
            self.energies[layer] = float(moment.trace()) / len(crops.split(GROUP))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Compute VGG-19's features of images."""
        return self.teacher(images, list(TAUGHT.values()))

    @torch.no_grad()
    def add(self, crops: Tensor) -> None:
        """Compute and keep what VGG-19 makes of crops (N, 3, 128, 128)."""
        for crop in crops.split(GROUP):
            if len(crop) < GROUP:
                return
            features, number = self.features(crop), len(self.crops)
            self.crops.append((crop * 255).round().byte())
            self.targets.append(
                {
                    layer: torch.einsum(
                        "nchw,ck->nkhw",
                        grid(layer, features[deep], number),
                        self.bases[layer],
                    ).half()
                    for layer, deep in TAUGHT.items()
                }
            )

    def group(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the crops and targets of one group."""
        images = (self.crops[number].float() / 255).to(
            memory_format=torch.channels_last
        )
        return images, {k: v.float() for k, v in self.targets[number].items()}


def errors(student: Student, lessons: Lessons, number: int) -> dict[str, Tensor]:
    """Measure each layer's squared error relative to VGG-19's energy, on one group."""
    images, targets = lessons.group(number)
    features = student(images)
    found = {}
    for layer, wanted in targets.items():
        maps = grid(layer, features[layer], number)
        mapped = torch.einsum("nchw,kc->nkhw", maps, student.heads[layer])
        scale = lessons.energies[layer] ** 0.5
        difference = mapped - wanted / scale
        found[layer] = difference.square().sum(1).mean()
    return found


@torch.no_grad()
def fit_heads(student: Student, lessons: Lessons, numbers: Sequence[int]) -> None:
    """Set each head to the best for some groups, by least squares."""
    inner, outer = {}, {}
    for number in numbers:
        images, targets = lessons.group(number)
        features = student(images)
        for layer, wanted in targets.items():
            rows = grid(layer, features[layer], number).movedim(1, -1).flatten(0, 2)
            theirs = (
                wanted.movedim(1, -1).flatten(0, 2) / lessons.energies[layer] ** 0.5
            )
            rows, theirs = rows.double(), theirs.double()
            inner[layer] = inner.get(layer, 0) + rows.T @ rows
            outer[layer] = outer.get(layer, 0) + rows.T @ theirs
    for layer, matrix in inner.items():
        ridge = 1e-5 * matrix.diagonal().mean() * torch.eye(len(matrix)).double()
        head = torch.linalg.solve(matrix + ridge, outer[layer]).T.float()
        student.heads[layer] = nn.Parameter(head)


def paint(
    student: Student, contents: Tensor, styles: Tensor, steps: int
) -> list[Tensor]:
    """Paint a batch as vidstyle would with this network; return it on the way, too."""
    with torch.no_grad():
        goal = {
            k: grams(student, v, k) for k, v in student(styles).items() if k in STYLE
        }
        kept = student(contents)["relu4_2"]
    images = contents.clone().requires_grad_()
    optimizer, seen = Adam([images], lr=0.03), []
    for step in range(1, steps + 1):
        features = student(images)
        lost = (features["relu4_2"] - kept).square().sum((1, 2, 3))
        loss = (0.05 * lost / kept.square().sum((1, 2, 3))).sum()
        for layer, wanted in goal.items():
            found = grams(student, features[layer], layer)
            each = (found - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))
            loss = loss + each.sum() / len(STYLE)
        (images.grad,) = torch.autograd.grad(loss, images)
        optimizer.step()
        if step in (steps // 4, steps):
            seen.append(images.detach().clamp(0, 1).clone())
    return seen


def grams(student: Student, maps: Tensor, layer: str) -> Tensor:
    """Compute Gram matrices in VGG-19's metric: (N, C, h, w) -> (N, K, K)."""
    rows = maps.flatten(2)
    plain = rows @ rows.transpose(1, 2) / rows.shape[-1]
    head = student.heads[layer].detach()
    return head @ plain @ head.T


def draw_crops(paths: Sequence[Path], count: int, generator: torch.Generator) -> Tensor:
    """Draw crops of pictures at random sizes, some with noise: (N, 3, 128, 128)."""
    crops = []
    for at in range(count):
        frame = read_picture(paths[at % len(paths)])
        unit = torch.rand(5, generator=generator).tolist()
        shortest = min(frame.shape[:2])
        side = round(CROP * (max(shortest, 160) / CROP) ** unit[0])
        scale = side / shortest
        height, width = (max(CROP, round(n * scale)) for n in frame.shape[:2])
        frame = resize_frame(frame, height=height, width=width)
        top, left = (
            int(unit[1] * (height - CROP + 1)),
            int(unit[2] * (width - CROP + 1)),
        )
        crop = frame[top : top + CROP, left : left + CROP]
        crop = torch.from_numpy(np.ascontiguousarray(crop)).movedim(-1, 0).float() / 255
        if unit[3] < 0.3:
            noise = torch.randn(crop.shape, generator=generator)
            crop = crop + noise * 0.2 * unit[4] ** 2
        if unit[3] > 0.9:
            crop = crop.flip(1)
        crops.append(crop.clamp(0, 1))
    return torch.stack(crops)


def half_painted(
    student: Student, crops: Tensor, paintings: Tensor, *, steps: int
) -> Tensor:
    """Paint crops after crops of paintings, some from noise; shuffled."""
    found = []
    for at, group in enumerate(crops.split(16)):
        styles = paintings[torch.arange(at * 16, at * 16 + len(group)) % len(paintings)]
        found += paint(student, group, styles, steps)
    painted = torch.cat(found)
    return painted[
        torch.randperm(len(painted), generator=torch.Generator().manual_seed(1))
    ]


def train(student: Student, lessons: Lessons, args: argparse.Namespace, extra) -> None:  # noqa: ANN001
    """Train to the end, with half-painted pictures of its own added halfway."""
    matrices = [*student.kernels.values(), *student.heads.values()]
    vectors = list(student.biases.values())
    muon, adam = Muon(matrices), AdamW(vectors, weight_decay=0, betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(args.seed)
    began, queue, average = time.monotonic(), [], {}
    step, used = 0, 0.0
    while used < 1:
        used = (time.monotonic() - began) / (60 * args.minutes)
        if extra is not None and used > 0.4:
            lessons.add(extra())
            extra = None
            began = time.monotonic() - used * 60 * args.minutes
            queue = []
        if not queue:
            order = torch.randperm(len(lessons.crops), generator=generator).tolist()
            queue = [n for n in order if n % HELD_OUT]
        rate = args.lr * min(1.0, (step + 1) / 50) * max(1 - used, 0.01)
        if step % REVIVE_EVERY == 0 and rate > args.lr / 4:
            some = torch.linspace(1, len(lessons.crops) - 1, 5).int().tolist()
            student.revive(torch.cat([lessons.group(n)[0] for n in some]), generator)
        found = errors(student, lessons, queue.pop())
        sum(WEIGHTS[layer] * error for layer, error in found.items()).backward()
        muon.step(rate)
        adam.param_groups[0]["lr"] = rate
        adam.step()
        adam.zero_grad()
        for layer, error in found.items():
            value = error.item()
            average[layer] = 0.98 * average.get(layer, value) + 0.02 * value
        step += 1
        if step % 200 == 0:
            text = " ".join(f"{k[4:]} {v:.3f}" for k, v in average.items())
            LOG.info(f"{step} {used:.2f} {text}")
            torch.save(student.state_dict(), args.output.with_suffix(".partial.pt"))


@torch.no_grad()
def finished(
    student: Student, lessons: Lessons, photos: Sequence[Path]
) -> dict[str, Tensor]:
    """Make the file's arrays: weights, maps, and how strong mapped features are."""
    held_out = [n for n in range(len(lessons.crops)) if n % HELD_OUT == 0]
    fit_heads(student, lessons, [n for n in range(len(lessons.crops)) if n % HELD_OUT])
    found = [errors(student, lessons, n) for n in held_out]
    for layer in TAUGHT:
        error = torch.stack([each[layer] for each in found]).mean()
        means = torch.stack(
            [student(lessons.group(n)[0])[layer].mean((0, 2, 3)) for n in held_out[:8]]
        ).mean(0)
        weak = float((means < 0.01 * means.median()).float().mean())
        LOG.info(
            f"{layer}: held-out error {float(error):.4f}, weak channels {weak:.1%}"
        )
    arrays = {}
    for layer in SLIM.layers:
        name = convolution_of(layer)
        arrays[f"{name}_weight"] = (
            student.kernels[layer].unflatten(1, (-1, 3, 3)).half()
        )
        arrays[f"{name}_bias"] = student.biases[layer].half()
        head = student.heads[layer].double()
        values, vectors = torch.linalg.eigh(head.T @ head)
        root = vectors * values.clamp(min=0).sqrt() @ vectors.T
        arrays[f"{layer}_map"] = root.half()
    network = FeatureNetwork(SLIM, {k: v.float() for k, v in arrays.items()})
    energies = []
    for path in photos:
        frame = read_picture(path)
        image = torch.from_numpy(frame.copy()).movedim(-1, 0)[None].float() / 255
        energies.append(layer_energies(network(image, network.layers).values()))
    for name, values in zip(ENERGY_NAMES, zip(*energies, strict=True), strict=True):
        arrays[name] = torch.cat(values, 1).median(1).values.float()
    return arrays


def main() -> None:
    """Read the command line, teach, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", type=Path, nargs="+", help="folders of pictures")
    parser.add_argument(
        "--start", type=Path, required=True, help="weights to start from"
    )
    parser.add_argument("--teacher", type=Path, default=None, help="VGG-19's file")
    parser.add_argument("--pooling", default="max")
    parser.add_argument("--crops", type=int, default=2400)
    parser.add_argument("--painted", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--lr", type=float, default=0.0015)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folders = [
        sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_ENDINGS)
        for folder in args.pictures
    ]
    # A folder of few pictures counts as much as a sixth of the largest: paintings.
    most = max(map(len, folders))
    paths = [p for f in folders for p in f * max(1, most // 6 // len(f))]
    generator = torch.Generator().manual_seed(args.seed)
    paths = [paths[n] for n in torch.randperm(len(paths), generator=generator).tolist()]
    teacher = load_network(
        "vgg19", device=torch.device("cpu"), pooling=args.pooling, weights=args.teacher
    )
    teacher._padding = "replicate"  # as slim has it
    lessons = Lessons(teacher)
    crops = draw_crops(paths, args.crops, generator)
    lessons.find_bases(crops[:160])
    began = time.monotonic()
    lessons.add(crops)
    LOG.info(f"{len(lessons.crops)} groups taught in {time.monotonic() - began:.0f} s")
    with np.load(args.start) as arrays:
        weights = {k: torch.from_numpy(v.astype(np.float32)) for k, v in arrays.items()}
    student = Student(weights, generator)
    student.revive(crops[:32], generator)
    fit_heads(student, lessons, range(0, len(lessons.crops), 6))
    paintings = draw_crops(folders[-1], 64, generator)
    contents = draw_crops(paths, 2 * args.painted, generator)

    def own(part: int) -> Tensor:
        some = contents[part * args.painted : (part + 1) * args.painted]
        return half_painted(student, some, paintings, steps=48)

    began = time.monotonic()
    lessons.add(own(0))
    LOG.info(f"painted and taught in {time.monotonic() - began:.0f} s")
    torch.set_num_threads(args.threads)
    train(student, lessons, args, lambda: own(1))
    photos = folders[0][::4]
    write_weights(args.output, finished(student, lessons, photos))


if __name__ == "__main__":
    main()
