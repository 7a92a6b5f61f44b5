"""Limited-memory BFGS for a batch of independent samples.

``torch.optim.LBFGS`` over a stacked batch has one curvature history and one step
length for all samples, so a frame's result would depend on its neighbours. Here each
sample has its own history, step length and recovery; one evaluation makes one step.
"""

from typing import Self

import torch
from torch import Tensor

from vidstyle.optimize.optimizer import Optimizer, expand_to, rms

FIRST_STEP_RMS = 0.01
"""Change of the pixels, in [0, 1], by a step that no curvature informs."""
LARGEST_STEP_RMS = 0.1
"""Cap on the change of the pixels by any step."""
CURVATURE_RATIO = 1e-4
"""A pair is kept only if s.y exceeds this share of |s||y|."""
WORST_RATIO = 1.5
"""A loss above this multiple of the best sends the sample back to its best."""


class LBFGS(Optimizer):
    """Per-sample L-BFGS without a line search.

    The two-loop recursion needs only inner products of the remembered vectors, and its
    result is a combination of them. So each step makes one batched product with the
    history for the inner products, runs the recursion on them in float64 on the host,
    and makes one batched product for the direction.

    Source: Liu and Nocedal 1989; the form by inner products is Chen, Wang and Zhou
    2014, "Large-scale L-BFGS using MapReduce". We depart in having no line search: the
    step is 1 along the quasi-Newton direction, capped, with a return to the best point.
    """

    def __init__(self, images: Tensor, *, history: int = 10) -> None:
        """Prepare for a batch.

        Args:
            images: (N, ...), the start of each sample; not modified.
            history: Pairs remembered for each sample, 1 or more.
        """
        super().__init__(images)
        samples, size = images.shape[0], images[0].numel()
        self._memory = history
        # Rows 0..m-1 are steps s, rows m..2m-1 are changes of the gradient y.
        self._pairs = images.new_zeros(samples, 2 * history, size)
        self._products = torch.zeros(
            samples, 2 * history, 2 * history, dtype=torch.float64
        )
        self._count = [0] * samples  # pairs held
        self._next = [0] * samples  # slot that the next pair goes to
        self._trust = [1.0] * samples  # factor of an uninformed step
        self._has_previous = [False] * samples
        self._previous_images = images.detach().clone()
        self._previous_gradients = torch.zeros_like(images)

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._forget(sample)
        self._trust[sample] = 1.0

    def _warm_start(self, sample: int, coarser: Self) -> None:
        """Let the first step be as long as the last one was; the usual is too long."""
        self._forget(sample)
        self._trust[sample] = coarser._trust[sample]
        if coarser._count[sample] > 0:
            newest = (coarser._next[sample] - 1) % coarser._memory
            length = float(rms(coarser._pairs[sample, newest : newest + 1]))
            self._trust[sample] = min(1.0, length / FIRST_STEP_RMS)

    def _step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        lost = ~(losses <= WORST_RATIO * self.best.losses)  # nan is lost too
        lost |= ~gradients.flatten(1).isfinite().all(dim=1)
        # A first loss is no gain.
        gained = (losses < self.best.losses) & self.best.losses.isfinite() & ~lost
        self.best.update(
            images, losses.where(~lost, losses.new_tensor(torch.inf)), gradients
        )
        self._remember(images, gradients, lost.tolist())
        self._regain(gained.tolist())
        wide = expand_to(lost, images)
        images = torch.where(wide, self.best.images, images)
        gradients = torch.where(wide, self.best.gradients, gradients)
        directions = self._directions(gradients)
        self._previous_images, self._previous_gradients = images, gradients
        self._has_previous = [True] * len(images)
        return images + directions

    def _forget(self, sample: int) -> None:
        self._count[sample] = self._next[sample] = 0
        self._has_previous[sample] = False

    def _remember(self, images: Tensor, gradients: Tensor, lost: list[bool]) -> None:
        """Add each sample's newest pair to its history, or clear a lost one's."""
        steps = (images - self._previous_images).flatten(1)  # (N, D)
        changes = (gradients - self._previous_gradients).flatten(1)  # (N, D)
        curvature = (steps * changes).sum(dim=1)
        needed = CURVATURE_RATIO * steps.norm(dim=1) * changes.norm(dim=1)
        curved = (curvature > needed).tolist()
        for sample, is_lost in enumerate(lost):
            if is_lost:
                self._forget(sample)
                self._trust[sample] /= 2
            elif self._has_previous[sample] and curved[sample]:
                self._insert(sample, steps[sample], changes[sample])

    def _insert(self, sample: int, step: Tensor, change: Tensor) -> None:
        """Put one pair into one sample's ring and update its inner products."""
        slot, memory = self._next[sample], self._memory
        pairs = self._pairs[sample]  # (2m, D), a view
        pairs[slot], pairs[memory + slot] = step, change
        fresh = (pairs @ torch.stack([step, change], dim=1)).double().cpu()  # (2m, 2)
        products = self._products[sample]
        for row, column in ((slot, 0), (memory + slot, 1)):
            products[row] = products[:, row] = fresh[:, column]
        self._next[sample] = (slot + 1) % memory
        self._count[sample] = min(self._count[sample] + 1, memory)

    def _regain(self, gained: list[bool]) -> None:
        """Let uninformed steps grow again, but only after a new best.

        Otherwise a sample that is sent back to its best twice in a row would do the
        same again, forever.
        """
        for sample, has_gained in enumerate(gained):
            if has_gained:
                self._trust[sample] = min(1.0, 2 * self._trust[sample])

    def _directions(self, gradients: Tensor) -> Tensor:
        """Return the step of each sample, (N, ...)."""
        flat = gradients.flatten(1)  # (N, D)
        projections = torch.bmm(self._pairs, flat.unsqueeze(2)).squeeze(2)  # (N, 2m)
        coefficients, scales = [], []
        for sample, projected in enumerate(projections.double().cpu()):
            of_pairs, of_gradient = self._recursion(sample, projected)
            coefficients.append(of_pairs)
            scales.append(of_gradient)
        combined = torch.stack(coefficients).to(flat).unsqueeze(1)  # (N, 1, 2m)
        directions = torch.bmm(combined, self._pairs).squeeze(1)  # (N, D)
        downhill = torch.tensor(scales, dtype=torch.float64).to(flat).unsqueeze(1)
        directions -= downhill * flat
        return self._limited(directions, flat).reshape(gradients.shape)

    def _recursion(self, sample: int, projected: Tensor) -> tuple[Tensor, float]:
        """Run the two-loop recursion on inner products.

        Args:
            sample: Which sample's history to use.
            projected: (2m,), inner products of its pairs with its gradient, float64.

        Returns:
            Coefficients (2m,) of the pairs, and the positive one of minus the gradient.
        """
        memory, count = self._memory, self._count[sample]
        coefficients = torch.zeros(2 * memory, dtype=torch.float64)
        if count == 0:
            return coefficients, 1.0
        products = self._products[sample]
        newest_first = [(self._next[sample] - 1 - age) % memory for age in range(count)]
        newest = newest_first[0]
        alphas: dict[int, float] = {}
        on_gradient = -1.0
        for slot in newest_first:
            along = products[slot] @ coefficients + on_gradient * projected[slot]
            alphas[slot] = float(along / products[slot, memory + slot])
            coefficients[memory + slot] -= alphas[slot]
        scale = products[newest, memory + newest] / products[
            memory + newest, memory + newest
        ].clamp(min=torch.finfo(torch.float64).tiny)
        coefficients *= scale
        on_gradient *= float(scale)
        for slot in reversed(newest_first):
            row = memory + slot
            along = products[row] @ coefficients + on_gradient * projected[row]
            beta = float(along / products[slot, row])
            coefficients[slot] += alphas[slot] - beta
        return coefficients, -on_gradient

    def _limited(self, directions: Tensor, gradients: Tensor) -> Tensor:
        """Give uninformed steps their length and cap all others; both are (N, D)."""
        lengths, slopes = rms(directions), rms(gradients)
        tiny = torch.finfo(directions.dtype).tiny
        uninformed = torch.tensor([count == 0 for count in self._count])
        trust = torch.tensor(self._trust).to(directions)
        first = FIRST_STEP_RMS * trust / slopes.clamp(min=tiny)
        capped = (LARGEST_STEP_RMS / lengths.clamp(min=tiny)).clamp(max=1)
        return directions * torch.where(
            uninformed.to(directions.device), first, capped
        ).unsqueeze(1)
