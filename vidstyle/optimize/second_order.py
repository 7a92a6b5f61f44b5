"""Batched L-BFGS and truncated Newton (Newton-CG), independent for each sample.

``torch.optim.LBFGS`` over a stacked batch has one curvature history and one step length
for all samples, so a frame's result would depend on the others in its batch. Here each
sample has its own history, step length and recovery, with one evaluation per step.
"""

from typing import ClassVar, Self

import torch
from torch import Tensor

from vidstyle.optimize.optimizer import (
    Hessian,
    HessianProduct,
    Optimizer,
    expand_to,
    rms,
)

FIRST_STEP_RMS = 0.002  # change of pixels in [0, 1] by a step without curvature
GENTLE = 0.3  # of that, for the first step of a nearly finished image
LONGEST_START = 5.0  # cap on a pyramid level's first step, relative to FIRST_STEP_RMS
LARGEST_STEP_RMS = 0.1  # cap on the change of the pixels by any step
CURVATURE_RATIO = 1e-4  # a pair is kept only if s.y exceeds this fraction of |s||y|
WORST_RATIO = 1.5  # a loss above this multiple of the best is rejected


class LBFGS(Optimizer):
    """Per-sample L-BFGS without a line search.

    The direction is a linear combination of the stored pairs and the gradient, with
    coefficients from two triangular systems of their inner products. A step multiplies
    the history by the newest vectors once, and once more for the direction; all samples
    are computed at once, without synchronizing with the device.

    Source: Liu and Nocedal 1989, in the compact form of Byrd, Nocedal and Schnabel
    1994, theorem 2.2. We depart in having no line search: the step is 1 along the
    quasi-Newton direction, capped, with a return to the best point.
    """

    remembered: ClassVar = [
        *("_pairs", "_products", "_count", "_next", "_trust", "_has_previous"),
        *("_previous_images", "_previous_gradients", *Optimizer.remembered),
    ]

    def __init__(self, images: Tensor, *, history: int = 10) -> None:
        super().__init__(images)
        samples, size = images.shape[0], images[0].numel()
        self._memory = history
        # Row 0: steps s; row 1: gradient differences y.
        self._pairs = images.new_zeros(samples, 2, history, size)
        exact = torch.float32 if images.device.type == "mps" else torch.float64
        self._products = images.new_zeros(
            samples, 2 * history, 2 * history, dtype=exact
        )
        self._samples = torch.arange(samples, device=images.device)
        self._ages = torch.arange(history, device=images.device)
        self._count = torch.zeros_like(self._samples)  # stored pairs
        self._next = torch.zeros_like(self._samples)  # ring position of the next pair
        self._trust = images.new_ones(samples)  # factor of a step without curvature
        self._has_previous = torch.zeros_like(self._samples, dtype=torch.bool)
        self._previous_images = images.detach().clone()
        self._previous_gradients = torch.zeros_like(images)

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._count[sample] = self._next[sample] = 0
        self._has_previous[sample] = False
        self._trust[sample] = 1

    def _warm_start(self, sample: int, coarser: Self) -> None:
        """Give the first step the length of the coarser level's last one."""
        self._restart(sample, 0)
        newest = (coarser._next[sample] - 1) % coarser._memory
        length = rms(coarser._pairs[sample, :1, newest])[0]
        last = (length / FIRST_STEP_RMS).clamp(max=LONGEST_START)
        has_pairs = coarser._count[sample] > 0
        self._trust[sample] = torch.where(has_pairs, last, coarser._trust[sample])

    def begin_gently(self, sample: int) -> None:
        self._trust[sample] = GENTLE

    def shorten(self, sample: int, factor: float) -> None:
        self._trust[sample] *= factor

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        largest = torch.linalg.vector_norm(gradients.flatten(1), torch.inf, dim=1)
        # The comparisons are negated so that nan is rejected, too.
        rejected = ~((losses <= WORST_RATIO * self.best.losses) & (largest < torch.inf))
        has_best = self.best.losses < torch.inf
        improved = (losses < self.best.losses) & has_best & ~rejected
        self.best.update(images, losses.masked_fill(rejected, torch.inf), gradients)
        steps = (images - self._previous_images).flatten(1)  # (N, D)
        changes = (gradients - self._previous_gradients).flatten(1)  # (N, D)
        self._store_pairs(steps, changes, rejected)
        # Doubled only after a new best: otherwise a sample rejected twice in a row
        # would repeat the same steps forever.
        halved = torch.where(rejected, self._trust / 2, self._trust)
        self._trust = torch.where(improved, (2 * halved).clamp(max=1), halved)
        mask = expand_to(rejected, images)
        images = torch.where(mask, self.best.images, images)
        gradients = torch.where(mask, self.best.gradients, gradients)
        self._previous_images, self._previous_gradients = images, gradients
        self._has_previous = torch.ones_like(self._has_previous)
        return images + self._directions(gradients.flatten(1)).reshape_as(images)

    def _store_pairs(self, steps: Tensor, changes: Tensor, rejected: Tensor) -> None:
        """Add each sample's newest pair to its ring buffer, or clear a rejected one's.

        Where there is no pair to add, the buffer's entry is overwritten with itself.
        """
        curvature = (steps * changes).sum(dim=1)
        needed = CURVATURE_RATIO * steps.norm(dim=1) * changes.norm(dim=1)
        added = (curvature > needed) & self._has_previous & ~rejected  # (N,)
        index = self._samples, slice(None), self._next
        stored = self._pairs[index]  # (N, 2, D)
        newest = torch.stack([steps, changes], dim=1)
        newest = torch.where(expand_to(added, stored), newest, stored)
        self._pairs[index] = newest
        self._update_products(newest)
        self._next = torch.where(added, (self._next + 1) % self._memory, self._next)
        self._count = (self._count + added).clamp(max=self._memory)
        self._count = self._count.masked_fill(rejected, 0)

    def _update_products(self, newest: Tensor) -> None:
        """Update the inner products of all pairs with the newest ones, (N, 2, D)."""
        memory, count = self._memory, len(newest)
        fresh = torch.bmm(self._pairs.flatten(1, 2), newest.transpose(1, 2))
        fresh = fresh.to(self._products)  # (N, 2m, 2)
        columns = self._products.view(count, 2 * memory, 2, memory)
        columns[self._samples, :, :, self._next] = fresh
        rows = self._products.view(count, 2, memory, 2 * memory)
        rows[self._samples, :, self._next] = fresh.transpose(1, 2)

    def _directions(self, gradients: Tensor) -> Tensor:
        """Compute each sample's step from its gradient; both are (N, D)."""
        pairs = self._pairs.flatten(1, 2)  # (N, 2m, D)
        projected = torch.bmm(pairs, gradients.unsqueeze(2)).squeeze(2)  # (N, 2m)
        coefficients, scale = self._coefficients(projected.to(self._products))
        combined = coefficients.to(gradients).unsqueeze(1)  # (N, 1, 2m)
        directions = torch.bmm(combined, pairs).squeeze(1)
        directions -= scale.to(gradients).unsqueeze(1) * gradients
        return self._limited(directions, gradients)

    def _coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the quasi-Newton step's coefficients from inner products.

        Args:
            projected: (N, 2m), inner products of the pairs with the gradient.

        Returns:
            Coefficients (N, 2m) of the pairs, and the positive one (N,) of the negative
            gradient, 1 for a sample without pairs.
        """
        memory, solve = self._memory, torch.linalg.solve_triangular
        is_stored = self._ages < self._count.unsqueeze(1)  # (N, m), oldest first
        oldest = (self._next - self._count).unsqueeze(1)
        order = (oldest + self._ages) % memory
        order = torch.cat([order, memory + order], dim=1)  # (N, 2m)
        along_s, along_y = projected.gather(1, order).unsqueeze(2).chunk(2, dim=1)
        sample = self._samples.view(-1, 1, 1)
        products = self._products[sample, order.unsqueeze(2), order.unsqueeze(1)]
        s_y, y_y = products[:, :memory, memory:], products[:, memory:, memory:]
        rows, columns = is_stored.unsqueeze(2), is_stored.unsqueeze(1)
        # R of the paper, padded with the identity where there is no pair.
        upper = (s_y * rows * columns).triu() + torch.diag_embed((~is_stored).to(s_y))
        curvature = upper.diagonal(dim1=1, dim2=2).unsqueeze(2)  # (N, m, 1), all s.y
        newest = (self._count - 1).clamp(min=0).view(-1, 1, 1)
        tiny = torch.finfo(curvature.dtype).tiny
        sizes = y_y.diagonal(dim1=1, dim2=2).unsqueeze(2).clamp(min=tiny)
        scale = (curvature / sizes).gather(1, newest)  # (N, 1, 1)
        scale = scale.where(columns.any(dim=2, keepdim=True), 1.0)
        inner = solve(upper, along_s * rows, upper=True)
        right = curvature * inner + scale * (y_y @ inner - along_y)
        of_s = solve(upper.mT, right * rows, upper=False)
        ordered = torch.cat([-of_s, scale * inner], dim=1).squeeze(2)
        return torch.zeros_like(ordered).scatter(1, order, ordered), scale.flatten()

    def _limited(self, directions: Tensor, gradients: Tensor) -> Tensor:
        """Set the length of steps without curvature, and cap the others: (N, D)."""
        tiny = torch.finfo(directions.dtype).tiny
        first = FIRST_STEP_RMS * self._trust / rms(gradients).clamp(min=tiny)
        capped = (LARGEST_STEP_RMS / rms(directions).clamp(min=tiny)).clamp(max=1)
        return directions * torch.where(self._count == 0, first, capped).unsqueeze(1)


FIRST_RADIUS = 0.01  # initial trust radius: RMS change of pixels in [0, 1]
LARGEST_RADIUS = 0.1
MOST_PRODUCTS = 10  # Hessian-vector products per step
RESIDUAL = 0.1  # residual relative to the gradient at which CG stops
POOR, GOOD = 0.25, 0.75  # actual by predicted decrease at which the radius changes


class NewtonCG(Optimizer):
    """Per-sample truncated Newton method in a trust region.

    Each step approximately minimizes the sample's quadratic model by conjugate
    gradients. A step that does not lower the loss is undone and the trust region
    shrunk. A step costs one evaluation and up to ``MOST_PRODUCTS`` Hessian-vector
    products, each about as expensive as two evaluations.

    Source: Steihaug 1983, "The conjugate gradient method and trust regions in large
    scale optimization"; the constants of the radius are Nocedal and Wright 2006,
    algorithm 4.1. We depart in measuring the radius as the RMS change of the pixels.
    """

    remembered: ClassVar = ["_radii", "_lengths", "_gains", *Optimizer.remembered]

    def __init__(self, images: Tensor, *, hessian: Hessian) -> None:
        super().__init__(images)
        self._hessian = hessian
        zeros = images.new_zeros(len(images))
        self._radii = zeros + FIRST_RADIUS  # RMS change of the pixels, like lengths
        self._lengths = zeros.clone()  # of the last step; 0 before the first
        self._gains = zeros.clone()  # decrease of the loss predicted for it

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._radii[sample] = FIRST_RADIUS
        self._lengths[sample] = self._gains[sample] = 0

    def _warm_start(self, sample: int, coarser: Self) -> None:
        # The radius is an RMS over pixels, so it does not depend on the size. There is
        # no last step to adapt it by.
        self._radii[sample] = coarser._radii[sample]
        self._lengths[sample] = self._gains[sample] = 0

    def shorten(self, sample: int, factor: float) -> None:
        self._radii[sample] *= factor

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        decrease = self.best.losses - losses  # (N,); inf at first, nan if not finite
        self.best.restore_nonfinite(images, losses, gradients)
        self._adapt(decrease)
        images, gradients = self.best.images, self.best.gradients
        steps = self._solve(gradients, self._hessian(images))
        return images + steps.reshape(images.shape)

    def _adapt(self, decrease: Tensor) -> None:
        """Adapt each radius to how well the model predicted the last step."""
        poor = ~(decrease > POOR * self._gains)
        at_border = self._lengths > 0.99 * self._radii
        good = (decrease > GOOD * self._gains) & at_border
        radii = torch.where(good, 2 * self._radii, self._radii)
        radii = torch.where(poor, self._lengths / 4, radii)
        radii = radii.clamp(max=LARGEST_RADIUS)
        self._radii = torch.where(self._lengths > 0, radii, self._radii)

    def _solve(self, gradients: Tensor, product: HessianProduct) -> Tensor:
        """Minimize each sample's quadratic model in its trust region, by CG: (N, D)."""
        gradient = gradients.flatten(1)  # (N, D)
        border = self._radii * gradient.shape[1] ** 0.5
        # h_ stands for the product with the Hessian.
        point, h_point = torch.zeros_like(gradient), torch.zeros_like(gradient)
        residual, direction = gradient, -gradient
        square = first = _dot(gradient, gradient)
        active = first > 0
        products = torch.zeros_like(first)
        for _ in range(MOST_PRODUCTS):
            if not active.any():
                break
            products += active
            h_direction = product(direction.reshape(gradients.shape)).flatten(1)
            active &= h_direction.isfinite().all(dim=1)
            curvature = _dot(direction, h_direction)
            length = square / curvature
            to_border = _to_border(point, direction, border)
            exits = ~((curvature > 0) & (length < to_border))
            length = torch.where(exits, to_border, length)
            step = torch.where(active, length, 0).unsqueeze(1)
            point = point + step * direction
            h_point = torch.where(
                active.unsqueeze(1), h_point + step * h_direction, h_point
            )
            residual = residual + length.unsqueeze(1) * h_direction
            before, square = square, _dot(residual, residual)
            active = active & ~exits & (square > RESIDUAL**2 * first)
            conjugate = -residual + (square / before).unsqueeze(1) * direction
            direction = torch.where(active.unsqueeze(1), conjugate, direction)
        # Without a finite Hessian, where the loss is not smooth, use steepest descent.
        is_stuck = ((first > 0) & (_dot(point, point) == 0)).unsqueeze(1)
        steepest = (border / first.sqrt()).unsqueeze(1) * -gradient
        point = torch.where(is_stuck, steepest, point)
        self.products = products.int().tolist()
        self._lengths = _dot(point, point).sqrt() / gradient.shape[1] ** 0.5
        self._gains = -_dot(point, gradient + h_point / 2)
        return point


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Compute each sample's inner product: (N, D) and (N, D) -> (N,)."""
    return (a * b).sum(dim=1)


def _to_border(point: Tensor, direction: Tensor, border: Tensor) -> Tensor:
    """Return the multiple (N,) of a direction that leads from a point to the border."""
    along, square = _dot(point, direction), _dot(direction, direction)
    room = (border.square() - _dot(point, point)).clamp(min=0)
    return room / (along + (along.square() + square * room).sqrt())
