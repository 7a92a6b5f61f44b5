"""L-BFGS and Newton's method by conjugate gradients, for a batch of samples.

``torch.optim.LBFGS`` over a stacked batch has one curvature history and one step
length for all samples, so a frame's result would depend on its neighbours. Here each
sample has its own history, step length and recovery; one evaluation makes one step.
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
GENTLE = 0.3  # of that, for the first step of a picture that is nearly finished
LONGEST_START = 5.0  # most times as long as that a size may begin
LARGEST_STEP_RMS = 0.1  # cap on the change of the pixels by any step
CURVATURE_RATIO = 1e-4  # a pair is kept only if s.y exceeds this share of |s||y|
WORST_RATIO = 1.5  # of a loss to the best one, above which the sample goes back


class LBFGS(Optimizer):
    """Per-sample L-BFGS without a line search.

    The direction is a combination of the remembered vectors and the gradient, and its
    coefficients follow from their inner products alone, by two triangular systems. So
    a step makes one product of the history with the newest vectors, and one for the
    direction; all samples are computed at once on their device, and nothing is read
    back.

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
        # Row 0 holds steps s, row 1 changes of the gradient y.
        self._pairs = images.new_zeros(samples, 2, history, size)
        exact = torch.float32 if images.device.type == "mps" else torch.float64
        self._products = images.new_zeros(
            samples, 2 * history, 2 * history, dtype=exact
        )
        self._samples = torch.arange(samples, device=images.device)
        self._ages = torch.arange(history, device=images.device)
        self._count = torch.zeros_like(self._samples)  # pairs held
        self._next = torch.zeros_like(self._samples)  # place of the next pair
        self._trust = images.new_ones(samples)  # factor of an uninformed step
        self._has_previous = torch.zeros_like(self._samples, dtype=torch.bool)
        self._previous_images = images.detach().clone()
        self._previous_gradients = torch.zeros_like(images)

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._count[sample] = self._next[sample] = 0
        self._has_previous[sample] = False
        self._trust[sample] = 1

    def _warm_start(self, sample: int, coarser: Self) -> None:
        """Let the first step be as long as the last one was; the usual is too long."""
        self._restart(sample, 0)
        newest = (coarser._next[sample] - 1) % coarser._memory
        length = rms(coarser._pairs[sample, :1, newest])[0]
        last = (length / FIRST_STEP_RMS).clamp(max=LONGEST_START)
        is_informed = coarser._count[sample] > 0
        self._trust[sample] = torch.where(is_informed, last, coarser._trust[sample])

    def begin_gently(self, sample: int) -> None:
        self._trust[sample] = GENTLE

    def shorten(self, sample: int, factor: float) -> None:
        self._trust[sample] *= factor

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        largest = torch.linalg.vector_norm(gradients.flatten(1), torch.inf, dim=1)
        # Written so that nan is lost, too.
        lost = ~((losses <= WORST_RATIO * self.best.losses) & (largest < torch.inf))
        # A first loss is no gain.
        gained = (losses < self.best.losses) & (self.best.losses < torch.inf) & ~lost
        self.best.update(images, losses.masked_fill(lost, torch.inf), gradients)
        steps = (images - self._previous_images).flatten(1)  # (N, D)
        changes = (gradients - self._previous_gradients).flatten(1)  # (N, D)
        self._remember(steps, changes, lost)
        # Doubled only after a new best: otherwise a sample that is sent back to its
        # best twice in a row would do the same again, forever.
        halved = torch.where(lost, self._trust / 2, self._trust)
        self._trust = torch.where(gained, (2 * halved).clamp(max=1), halved)
        wide = expand_to(lost, images)
        images = torch.where(wide, self.best.images, images)
        gradients = torch.where(wide, self.best.gradients, gradients)
        self._previous_images, self._previous_gradients = images, gradients
        self._has_previous = torch.ones_like(self._has_previous)
        return images + self._directions(gradients.flatten(1)).reshape_as(images)

    def _remember(self, steps: Tensor, changes: Tensor, lost: Tensor) -> None:
        """Add each sample's newest pair to its ring, or clear a lost one's.

        Where there is no pair to add, the place is filled with what it holds already.
        """
        curvature = (steps * changes).sum(dim=1)
        needed = CURVATURE_RATIO * steps.norm(dim=1) * changes.norm(dim=1)
        added = (curvature > needed) & self._has_previous & ~lost  # (N,)
        place = self._samples, slice(None), self._next
        held = self._pairs[place]  # (N, 2, D)
        newest = torch.stack([steps, changes], dim=1)
        newest = torch.where(expand_to(added, held), newest, held)
        self._pairs[place] = newest
        self._update_products(newest)
        self._next = torch.where(added, (self._next + 1) % self._memory, self._next)
        self._count = (self._count + added).clamp(max=self._memory)
        self._count = self._count.masked_fill(lost, 0)

    def _update_products(self, newest: Tensor) -> None:
        """Put the inner products of the newest pairs (N, 2, D) with all into place."""
        memory, count = self._memory, len(newest)
        fresh = torch.bmm(self._pairs.flatten(1, 2), newest.transpose(1, 2))
        fresh = fresh.to(self._products)  # (N, 2m, 2)
        columns = self._products.view(count, 2 * memory, 2, memory)
        columns[self._samples, :, :, self._next] = fresh
        rows = self._products.view(count, 2, memory, 2 * memory)
        rows[self._samples, :, self._next] = fresh.transpose(1, 2)

    def _directions(self, gradients: Tensor) -> Tensor:
        """Return the step of each sample for its gradient; both are (N, D)."""
        pairs = self._pairs.flatten(1, 2)  # (N, 2m, D)
        projected = torch.bmm(pairs, gradients.unsqueeze(2)).squeeze(2)  # (N, 2m)
        coefficients, scale = self._coefficients(projected.to(self._products))
        combined = coefficients.to(gradients).unsqueeze(1)  # (N, 1, 2m)
        directions = torch.bmm(combined, pairs).squeeze(1)
        directions -= scale.to(gradients).unsqueeze(1) * gradients
        return self._limited(directions, gradients)

    def _coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Find the quasi-Newton step from inner products alone.

        Args:
            projected: (N, 2m), inner products of the pairs with the gradient.

        Returns:
            Coefficients (N, 2m) of the pairs, and the positive one (N,) of minus the
            gradient, 1 for a sample without pairs.
        """
        memory, solve = self._memory, torch.linalg.solve_triangular
        held = self._ages < self._count.unsqueeze(1)  # (N, m), oldest first
        first = (self._next - self._count).unsqueeze(1)
        order = (first + self._ages) % memory
        order = torch.cat([order, memory + order], dim=1)  # (N, 2m)
        along_s, along_y = projected.gather(1, order).unsqueeze(2).chunk(2, dim=1)
        sample = self._samples.view(-1, 1, 1)
        products = self._products[sample, order.unsqueeze(2), order.unsqueeze(1)]
        s_y, y_y = products[:, :memory, memory:], products[:, memory:, memory:]
        rows, columns = held.unsqueeze(2), held.unsqueeze(1)
        # R of the paper. A place without a pair is a row of the identity: it stays 0.
        upper = (s_y * rows * columns).triu() + torch.diag_embed((~held).to(s_y))
        curvature = upper.diagonal(dim1=1, dim2=2).unsqueeze(2)  # (N, m, 1), all s.y
        newest = (self._count - 1).clamp(min=0).view(-1, 1, 1)
        tiny = torch.finfo(curvature.dtype).tiny
        sizes = y_y.diagonal(dim1=1, dim2=2).unsqueeze(2).clamp(min=tiny)
        scale = (curvature / sizes).gather(1, newest)  # (N, 1, 1)
        scale = scale.where(columns.any(dim=2, keepdim=True), 1.0)
        inner = solve(upper, along_s * rows, upper=True)
        right = curvature * inner + scale * (y_y @ inner - along_y)
        of_s = solve(upper.mT, right * rows, upper=False)
        found = torch.cat([-of_s, scale * inner], dim=1).squeeze(2)
        return torch.zeros_like(found).scatter(1, order, found), scale.flatten()

    def _limited(self, directions: Tensor, gradients: Tensor) -> Tensor:
        """Give uninformed steps their length and cap all others; both are (N, D)."""
        tiny = torch.finfo(directions.dtype).tiny
        first = FIRST_STEP_RMS * self._trust / rms(gradients).clamp(min=tiny)
        capped = (LARGEST_STEP_RMS / rms(directions).clamp(min=tiny)).clamp(max=1)
        return directions * torch.where(self._count == 0, first, capped).unsqueeze(1)


FIRST_RADIUS = 0.01  # RMS change of pixels in [0, 1] that limits the first step
LARGEST_RADIUS = 0.1  # that by which any step is
MOST_PRODUCTS = 10  # Hessian-vector products in a step
RESIDUAL = 0.1  # share of the gradient at which its linear system counts as solved
POOR, GOOD = 0.25, 0.75  # shares of the predicted gain at which the radius changes


class NewtonCG(Optimizer):
    """Per-sample truncated Newton method in a trust region.

    Each step minimises the sample's quadratic model, as far as some products with its
    Hessian go. A step that does not lower the loss is taken back, and the region made
    smaller. So a step costs one evaluation and up to ``MOST_PRODUCTS`` products, each
    of which costs about as much as two evaluations.

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
        self._gains = zeros.clone()  # fall of the loss that the model promised for it

    def _restart(self, sample: int, frame: int) -> None:  # noqa: ARG002  # no noise
        self._radii[sample] = FIRST_RADIUS
        self._lengths[sample] = self._gains[sample] = 0

    def _warm_start(self, sample: int, coarser: Self) -> None:
        # The radius is an RMS over pixels, the same at any size; there is no last step
        # that it could be judged by.
        self._radii[sample] = coarser._radii[sample]
        self._lengths[sample] = self._gains[sample] = 0

    def shorten(self, sample: int, factor: float) -> None:
        self._radii[sample] *= factor

    def step(self, images: Tensor, losses: Tensor, gradients: Tensor) -> Tensor:
        gained = self.best.losses - losses  # (N,); inf at first, nan if it is lost
        self.best.restore_nonfinite(images, losses, gradients)
        self._adapt(gained)
        images, gradients = self.best.images, self.best.gradients
        steps = self._solve(gradients, self._hessian(images))
        return images + steps.reshape(images.shape)

    def _adapt(self, gained: Tensor) -> None:
        """Change each radius by how well the model foretold the last step."""
        poor = ~(gained > POOR * self._gains)
        at_border = self._lengths > 0.99 * self._radii
        good = (gained > GOOD * self._gains) & at_border
        radii = torch.where(good, 2 * self._radii, self._radii)
        radii = torch.where(poor, self._lengths / 4, radii)
        radii = radii.clamp(max=LARGEST_RADIUS)
        self._radii = torch.where(self._lengths > 0, radii, self._radii)

    def _solve(self, gradients: Tensor, product: HessianProduct) -> Tensor:
        """Minimise the model of each sample within its region: (N, D)."""
        slopes = gradients.flatten(1)  # (N, D)
        border = self._radii * slopes.shape[1] ** 0.5
        point, curved = torch.zeros_like(slopes), torch.zeros_like(slopes)
        residual, direction = slopes, -slopes
        square = first = _dot(slopes, slopes)
        active = first > 0
        used = torch.zeros_like(first)
        for _ in range(MOST_PRODUCTS):
            if not active.any():
                break
            used += active
            image = product(direction.reshape(gradients.shape)).flatten(1)
            active &= image.isfinite().all(dim=1)
            curvature = _dot(direction, image)
            length = square / curvature
            outermost = _to_border(point, direction, border)
            leaves = ~((curvature > 0) & (length < outermost))
            length = torch.where(leaves, outermost, length)
            goes = torch.where(active, length, 0).unsqueeze(1)
            point = point + goes * direction
            curved = torch.where(active.unsqueeze(1), curved + goes * image, curved)
            residual = residual + length.unsqueeze(1) * image
            before, square = square, _dot(residual, residual)
            active = active & ~leaves & (square > RESIDUAL**2 * first)
            turned = -residual + (square / before).unsqueeze(1) * direction
            direction = torch.where(active.unsqueeze(1), turned, direction)
        # Without a Hessian, as where the loss is not smooth, go straight downhill.
        blind = ((first > 0) & (_dot(point, point) == 0)).unsqueeze(1)
        downhill = (border / first.sqrt()).unsqueeze(1) * -slopes
        point = torch.where(blind, downhill, point)
        self.products = used.int().tolist()
        self._lengths = _dot(point, point).sqrt() / slopes.shape[1] ** 0.5
        self._gains = -_dot(point, slopes + curved / 2)
        return point


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Multiply each sample's vectors: (N, D) and (N, D) -> (N,)."""
    return (one * other).sum(dim=1)


def _to_border(point: Tensor, direction: Tensor, border: Tensor) -> Tensor:
    """Return how many directions (N, D) lead from the points to |x| = border: (N,)."""
    along, square = _dot(point, direction), _dot(direction, direction)
    room = (border.square() - _dot(point, point)).clamp(min=0)
    return room / (along + (along.square() + square * room).sqrt())
