"""Compare a GPU with the CPU, time it, and write what was found as Markdown.

It needs no network, no pytest and no installed vidstyle: torch, torchvision, OpenCV,
Rich, Typer, Pillow and imageio-ffmpeg are enough. ``--tiny`` tries it on any machine.
"""

import argparse
import itertools
import platform
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]
try:
    import torch
    from checks import compare
    from random_network import random_weights

    from vidstyle.bench import Bench, seconds
    from vidstyle.clip.pipeline import stylize_video
    from vidstyle.config import StyleConfig, VideoConfig
    from vidstyle.devices import choose_device
    from vidstyle.errors import VidstyleError
    from vidstyle.networks import choose_precision, load_network, published_weights
    from vidstyle.networks.vgg import FeatureNetwork
    from vidstyle.records import Notice, Plan, StepReport
except ImportError as err:
    sys.exit(f"{err.name or err} is missing but needed here.")

PRECISIONS = ("fp32", "tf32", "bf16")
STEPS = 50
"""Of a frame, against the textbook's loop."""
FULL = {
    "networks": ("slim", "vgg16", "vgg19"),
    "sizes": ((320, 180), (640, 360), (1280, 720)),
    "batches": (1, 8, 32),
    "steps": 10,
}
TINY = FULL | {"sizes": ((48, 32),), "batches": (1, 2), "steps": 1}


class Page:
    """A page of Markdown that is on disk as far as it is written."""

    def __init__(self, path):
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def write(self, line=""):
        print(line, flush=True)  # noqa: T201
        self._file.write(line + "\n")

    def table(self, *headings):
        self.write()
        self.row(*headings)
        self.row(*("---" for _ in headings))

    def row(self, *cells):
        self.write(f"| {' | '.join(map(str, cells))} |")


def load(name, device, precision):
    """Load a network; VGG's weights are random where they are not on this machine."""
    try:
        network = load_network(name, device=device, precision=precision)
    except VidstyleError:
        topology = published_weights(name).topology
        network = FeatureNetwork(topology, random_weights(topology))
        network = network.to(device, memory_format=torch.channels_last)
        network.set_precision(choose_precision(precision, device))
        return network, f"{name}, random weights"
    return network, name


def write_differences(page, device):
    """Compare the device with the CPU; return whether all is as it should be."""
    page.table("against the CPU", "losses", "gradients", "pixels, of 255", "")
    are_small = []
    for precision in usable(device):
        found = compare(device, precision)
        are_small.append(found.is_small)
        shown = f"{found.losses:.1e}", f"{found.gradients:.1e}", f"{found.levels:.2f}"
        page.row(precision, *shown, "ok" if found.is_small else "TOO MUCH")
    return all(are_small)


def usable(device):
    """List the precisions that a device has."""
    return [each for each in PRECISIONS if each != "tf32" or device.type == "cuda"]


def write_rates(page, device, scale, until):
    """Time steps in each size, batch and precision, as long as there is time."""
    page.table(
        *("network", "precision", "size", "batch", "steps/s", "frames x steps/s"),
        *("GFLOP/s", "of matrix product", "evaluation", "operations", "reads"),
    )
    combinations = itertools.product(
        scale["sizes"], scale["networks"], usable(device), scale["batches"]
    )
    left_out = 0
    for size, name, precision, batch in combinations:
        if time.monotonic() > until:
            left_out += 1
            continue
        network, label = load(name, device, precision)
        shown = label, precision, "x".join(map(str, size)), batch
        try:
            bench = Bench(
                sizes=[size],
                batch=batch,
                steps=scale["steps"],
                network=network,
                device=device.type,
                listener=lambda _: None,
            )
            *_, rate = bench.rates()
        except VidstyleError as err:
            page.row(*shown, str(err), *[""] * 6)
            continue
        page.row(
            *shown,
            f"{rate.steps_per_s:.2f}",
            f"{batch * rate.steps_per_s:.1f}",
            f"{rate.gflop_per_s:.0f}",
            f"{rate.of_matrix_rate:.0%}",
            f"{rate.evaluation_share:.0%}",
            rate.operations_per_step,
            rate.host_reads_per_step,
        )
    if left_out:
        page.write(f"\n{left_out} combinations were skipped for lack of time.")


def write_textbook(page, device, scale):
    """Reach the loss of our loop with torch's own L-BFGS, one frame, float32, eager."""
    page.table("to the same loss", "size", "ours, s", "textbook, s", "times as fast")
    for name in scale["networks"]:
        network, label = load(name, device, "fp32")
        for size in scale["sizes"][:2]:
            bench = Bench(
                sizes=[size],
                batch=1,
                steps=STEPS,
                network=network,
                device=device.type,
                listener=lambda _: None,
            )
            loop, objective, images = bench._load(*size, 1)
            loop.step()
            losses = []
            ours = seconds(lambda: take(loop, losses), device)  # noqa: B023
            wanted = min(report.loss for report in losses)
            reached = []
            theirs = seconds(
                lambda: reached.append(textbook(objective, images, wanted)),  # noqa: B023
                device,
            )
            ratio = f"{theirs / ours:.1f}" if reached[0] else "loss not reached"
            page.row(
                label, "x".join(map(str, size)), f"{ours:.2f}", f"{theirs:.2f}", ratio
            )


def take(loop, losses):
    """Take our steps."""
    for _ in range(STEPS):
        losses.extend(report for report, _ in loop.step().values())


def textbook(objective, images, wanted):
    """Optimize as a tutorial does; return whether the loss was reached in time."""
    pixels = images.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [pixels], max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0
    )

    def closure():
        evaluation = objective.evaluate(pixels)
        pixels.grad = 1e5 * evaluation.gradients  # relative errors are tiny for it
        return 1e5 * evaluation.losses.sum()

    for _ in range(4 * STEPS):
        if optimizer.step(closure).item() <= 1e5 * wanted:
            return True
    return False


def write_clip(page, device, batch, *, is_tiny):
    """Paint the sample clip from file to file."""
    style = StyleConfig(
        network="slim",
        device=device.type,
        long_side=64 if is_tiny else 640,
        steps=5 if is_tiny else 100,
    )
    config = VideoConfig(
        style=style,
        next_steps=2 if is_tiny else 50,
        batch=batch,
        frames=(0, 3 if is_tiny else None),
    )
    events = []
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        result = stylize_video(
            ROOT / "samples" / "clip.mp4",
            ROOT / "samples" / "swirls.jpg",
            Path(folder) / "painted.mp4",
            config=config,
            listener=events.append,
        )
        took = time.monotonic() - start
    (plan,) = [each for each in events if isinstance(each, Plan)]
    steps = sum(isinstance(each, StepReport) for each in events)
    warnings = [each.text for each in events if isinstance(each, Notice)]
    page.write(
        f"\nA whole clip: {result.frames} frames of {plan.width}x{plan.height}, "
        f"{steps} steps in all, batch {batch}, slim: {took:.1f} s, "
        f"{result.frames / took:.2f} frames/s from file to file."
    )
    for text in warnings[1:]:
        page.write(f"- {text}")


def named_version():
    """Let the package know its version where it is not installed."""
    try:
        metadata.version("vidstyle")
    except metadata.PackageNotFoundError:
        folder = Path(tempfile.mkdtemp()) / "vidstyle-0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Name: vidstyle\nVersion: 0+source\n")
        sys.path.append(str(folder.parent))


def main():
    """Run everything; the exit code is 1 if the device computes something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("gpu.md"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--minutes", type=float, default=9, help="total time limit")
    parser.add_argument("--tiny", action="store_true", help="a quick test run")
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    named_version()
    device = choose_device(given.device)
    scale = TINY if given.tiny else FULL
    page = Page(given.output)
    card = platform.processor() or platform.machine()
    if device.type == "cuda":
        card = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    page.write(f"# vidstyle on {device.type}: {card}\n")
    names = ("torch", "torchvision", "numpy")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    page.write(f"Python {platform.python_version()}, {versions}")
    is_right = write_differences(page, device)
    write_textbook(page, device, scale)
    write_clip(page, device, scale["batches"][1], is_tiny=given.tiny)
    write_rates(page, device, scale, until)
    sys.exit(not is_right)


if __name__ == "__main__":
    main()
