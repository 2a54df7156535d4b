"""AutoLoss: which loss for this example, learned on validation rows (Zhao et al. 2021)."""

import warnings
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.optim import Adam

from clickwise.data.loading import ShuffledBatches
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError, nearest
from clickwise.losses import cross_entropy
from clickwise.methods.candidates import CANDIDATES, CandidateLosses
from clickwise.methods.controllers import check_controller, new_controller
from clickwise.methods.method import Run, to_probability
from clickwise.methods.unrolled import Unrolled
from clickwise.methods.unseen import schema_in
from clickwise.nn.controller import ConstantController, Controller, drawn, weights_on_grid

OBJECTIVES = ("cross_entropy", "mixture")
LEARN_ON = ("valid", "train")
COLLAPSED = 0.99
PREDICTIONS, EPOCHS_KEPT = 21, 64


class AutoLoss(CandidateLosses):
    """A model trained on a mixture of losses whose weights a controller gives to each example (Algorithm 1).

    The controller sees label and prediction. It learns on validation rows, in alternation with the model: by the
    mixture of losses itself (``objective="mixture"``, ``unroll=0``: the paper's first order), or by what one step of
    the model on its weights does to the model's log loss there (``objective="cross_entropy"``, ``unroll`` above 0).

    Args:
        model: any module that maps a ``Batch`` to logits.
        losses: names of the candidates.
        controller: one trained before, or of one's own making; a new ``Controller`` where None.
        start_from: the candidate that a new controller gives nine tenths of the weight at first, so that it leaves it
            for evidence alone; None for weights as they are drawn, about equal.
        per_example: False for a new ``ConstantController``, whose weights are the same for all examples.
        frozen: use the controller as it is.
        update_every: steps of the model for each one of the controller, f (section 3.7).
        unroll: xi, rate of the unrolled step of the model (Eq. 13). 0 takes the model as it is.
        unit_step: divide the unrolled step by its length, so that no loss is preferred for its longer step: Adam, which
            trains the model, does not go further for it either.
        objective: what the controller minimises on validation rows: ``cross_entropy`` of the model after the unrolled
            step, or the ``mixture`` of the candidates, which it can also lower by preferring the smallest of them.
        gumbel: train the model on one candidate an example, drawn by straight-through Gumbel-softmax (Eq. 9 and 10);
            else on the weighted sum (Eq. 8; ablation AL-2).
        learn_on: ``valid``, or ``train``: the controller learns from the model's own batch (SLF, Liu and Lai 2020).
        controller_learning_rate: of Adam.
        first_temperature: tau of the Gumbel-softmax at the first step; after t steps it is ``max(least_temperature,
            first_temperature - temperature_decay * t)`` (section 3.3).
        least_temperature: tau falls no further.
        temperature_decay: by how much tau falls a step.
        normalise: divide each candidate by the mean length of its gradient in the logits, see ``CandidateLosses``.
        optimizer: ``adam``, ``adagrad`` (row-wise on tables) or ``ftrl``; the one of the model's recipe where None.
        learning_rate: of the model's optimiser; that of its recipe where None.
        weight_decay: L2 penalty on the model's parameters; that of its recipe where None.
        batch_size: rows a step; that of the model's recipe where None.
        row_sparse: update only the rows of id tables that a batch touches; None: for tables of 100,000 rows and more.

    Attributes:
        trace: ``[epochs, classes, predictions, losses]``, the controller's weights after each epoch on a grid: label by
            predicted probability of that label. The first 64 epochs are kept; zeros for those to come.
    """

    due: Iterator[Batch] | None
    steps_done: Tensor
    epochs_done: Tensor
    trace: Tensor
    for_steps: ClassVar[tuple[str, ...]] = (*CandidateLosses.for_steps, "valid_batches", "unrolled")

    def __init__(
        self,
        model: nn.Module,
        losses: Sequence[str] = CANDIDATES,
        controller: Controller | ConstantController | None = None,
        start_from: str | None = "cross_entropy",
        per_example: bool = True,
        frozen: bool = False,
        update_every: int = 7,
        unroll: float = 0.1,
        unit_step: bool = True,
        objective: str = "cross_entropy",
        gumbel: bool = False,
        learn_on: str = "valid",
        controller_learning_rate: float = 1e-3,
        first_temperature: float = 1.0,
        least_temperature: float = 0.01,
        temperature_decay: float = 5e-5,
        normalise: bool = True,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        row_sparse: bool | None = None,
    ) -> None:
        super().__init__(model, losses, normalise, optimizer, learning_rate, weight_decay, batch_size, row_sparse)
        self.start_from = start_from
        self.frozen = frozen
        self.update_every = update_every
        self.unroll = unroll
        self.unit_step = unit_step
        self.objective = objective
        self.gumbel = gumbel
        self.learn_on = learn_on
        self.controller_learning_rate = controller_learning_rate
        self.first_temperature = first_temperature
        self.least_temperature = least_temperature
        self.temperature_decay = temperature_decay
        self._check()
        schema = schema_in(model)
        if controller is None:
            if frozen:
                raise InputError("frozen: give the controller that is to stay as it is")
            controller = new_controller(self.losses, 2 if schema is None else schema.classes, start_from, per_example)
        check_controller(controller, self.losses, None if schema is None else schema.classes)
        self.controller = controller.requires_grad_(not frozen)
        self.per_example = isinstance(controller, Controller)
        self.register_buffer("steps_done", torch.zeros((), dtype=torch.int64))
        self.register_buffer("epochs_done", torch.zeros((), dtype=torch.int64))
        self.register_buffer("trace", torch.zeros(EPOCHS_KEPT, controller.classes, PREDICTIONS, len(self.losses)))

    def _check(self) -> None:
        for name, value, known in (("objective", self.objective, OBJECTIVES), ("learn_on", self.learn_on, LEARN_ON)):
            if value not in known:
                raise InputError(f"{name} {value!r} is unknown{nearest(value, known)}")
        if not isinstance(self.update_every, int) or self.update_every < 1:
            raise InputError(f"update_every must be a whole number of steps, at least 1, not {self.update_every!r}")
        if self.unroll < 0 or self.controller_learning_rate <= 0:
            raise InputError("unroll must be at least 0, controller_learning_rate positive")
        if not 0 < self.least_temperature <= self.first_temperature or self.temperature_decay < 0:
            raise InputError("temperatures must be positive, least_temperature not above first_temperature")
        if self.objective == "cross_entropy" and self.unroll == 0 and not self.frozen:
            raise InputError(
                "objective 'cross_entropy' reaches the controller only through an unrolled step: set unroll above 0, "
                "or objective 'mixture'"
            )

    @property
    def temperature(self) -> float:
        """Of the Gumbel-softmax, at this step."""
        return max(self.least_temperature, self.first_temperature - self.temperature_decay * int(self.steps_done))

    def start_loss(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        check_controller(self.controller, self.losses, train.schema.classes)
        super().start_loss(train, valid, run)
        self.valid_batches: ShuffledBatches | None = None
        self.seed, self.due = 0, None
        self.warned = False
        if self.frozen:
            return
        if run.compile and self.unroll > 0:
            raise InputError("compile: a compiled model has no second derivatives; train without it, or set unroll 0")
        if self.learn_on == "valid":
            if valid is None:
                raise InputError(
                    "AutoLoss learns its controller on validation rows; give some, or freeze the controller"
                )
            self.valid_batches = ShuffledBatches(valid, min(self.batch_size, len(valid)))
        self.optimizers["controller"] = Adam(self.controller.parameters(), self.controller_learning_rate, fused=True)
        self.unrolled = Unrolled(self.model, train.schema.size, self.unroll, self.unit_step)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.controller.eval()  # it is a constant of the model's loss, except in its own update
        return self

    def start_loss_epoch(self, seed: int) -> None:
        self.seed, self.due = seed, None

    def learn_loss(self, batch: Batch) -> None:
        self.steps_done += 1
        updates, rest = divmod(int(self.steps_done), self.update_every)
        if self.frozen or rest:
            return
        if self.valid_batches is not None and self.due is None:
            # A function of the seed and of the steps taken, so that a run can resume inside an epoch.
            self.due = self.valid_batches.endless(self.seed, updates - 1)
        self.update_controller(batch, batch if self.due is None else next(self.due).to(batch.ids.device))

    def step(self, episode: Batch) -> dict[str, Tensor]:
        losses = super().step(episode)
        return losses | {f"weight_{name}": share for name, share in zip(self.losses, self.mean_weights, strict=True)}

    def weights(self, logits: Tensor, label: Tensor) -> Tensor:
        """Of the candidates in the loss of the model, ``[batch, losses]``."""
        with torch.no_grad():
            log_weights = self.controller(to_probability(logits), label)
            self.mean_weights = log_weights.exp().mean(0)
            return self.draw(log_weights)

    def draw(self, log_weights: Tensor) -> Tensor:
        """What enters the loss: the weights, or one candidate an example in their proportion (Eq. 9 and 10)."""
        return drawn(log_weights, self.temperature) if self.gumbel and self.training else log_weights.exp()

    def update_controller(self, train: Batch, valid: Batch) -> None:
        """One step of the controller (Algorithm 1, lines 2 to 4), the model as in evaluation: nothing dropped out."""
        self.controller.zero_grad(set_to_none=True)
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        self.controller.train()
        self.outer_gradient(train, valid)
        self.controller.eval()
        for module, mode in modes:
            module.training = mode
        self.optimizers["controller"].step()

    def outer_gradient(self, train: Batch, valid: Batch) -> None:
        """Add the gradient of ``L_valid(W - xi dL_train(W, V)/dW, V)`` in V to the controller's parameters."""
        if self.unroll == 0:
            with torch.no_grad():
                logits = self.model(valid)
            self._mixture(logits, logits, valid).backward()
            return
        self.unrolled.backward(
            train, valid,
            lambda logits, rows: self._mixture(logits, logits.detach(), rows),  # as in the model's own step
            lambda logits, rows: (
                self._mixture(logits, logits, rows)
                if self.objective == "mixture"
                else cross_entropy(logits, rows.label).mean()
            ),
        )  # fmt: skip

    def _mixture(self, logits: Tensor, seen: Tensor, batch: Batch) -> Tensor:
        """The mean loss as a function of model and controller, which sees the predictions of the logits ``seen``."""
        log_weights = self.controller(to_probability(seen), batch.label)
        self._watch(log_weights)
        return (self.draw(log_weights) * self.each_loss(logits, batch.label)).sum(1).mean()

    def _watch(self, log_weights: Tensor) -> None:
        share, most = log_weights.detach().exp().mean(0).max(0)
        if float(share) > COLLAPSED and not self.warned:
            self.warned = True
            warnings.warn(
                f"AutoLoss: {self.losses[int(most)]!r} has {float(share):.1%} of the weight at step "
                f"{int(self.steps_done)}; the other candidates hardly count any more",
                stacklevel=2,
            )

    @torch.no_grad()
    def end_loss_epoch(self) -> None:
        self.due = None
        if int(self.epochs_done) < EPOCHS_KEPT:
            self.trace[int(self.epochs_done)] = self.weights_on_grid()
        self.epochs_done += 1
        if not self.frozen and int(self.epochs_done) == 1 and int(self.steps_done) < self.update_every:
            warnings.warn(
                f"AutoLoss: an epoch has {int(self.steps_done)} steps and the controller learns every "
                f"{self.update_every}, so it hardly learns; set update_every lower",
                stacklevel=2,
            )

    def weights_on_grid(self) -> Tensor:
        """The controller's weights ``[classes, 21, losses]``: label, by predicted probability of it from 0 to 1."""
        return weights_on_grid(self.controller, PREDICTIONS)
