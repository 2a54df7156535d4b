"""Recurrent meta-learning as its authors ran it: two optimisers in turn (Chen et al. 2022)."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam

from clickwise.data.loading import ordered_batches
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.methods.diverged import require_finite_values
from clickwise.methods.local_parameters import local_parameters
from clickwise.methods.method import Method, Run
from clickwise.methods.mixture import supervised_copy
from clickwise.methods.scoring import score
from clickwise.methods.stretches import check_share, support_rows
from clickwise.methods.unseen import require_rows
from clickwise.nn.auxiliary import asked_for, auxiliary_losses, total_of
from clickwise.nn.mode import in_mode

STEPS = {"dense", "tables", "local"}
"""Optimisers of the two kinds of steps."""


class SequentialMeta(Method):
    """A network trained by local and global steps in turn (Chen et al. 2022, section 3.3 and Figure 3, as published).

    The first rows of each mini-batch make one Adam step of the local parameters (Eq. 9), the others then one Adam step
    of all parameters (Eq. 10), each on the mean total loss (Eq. 8). The two keep averages of their own, and nothing
    resets what a local step moved: no gradient flows from one to the other, and prediction adapts to nobody.
    ``fine_tune`` takes the same steps on later rows. ``RecurrentMeta`` is the bilevel form.

    Args:
        model: network or ``Supervised`` one, trained or not; copied. Of ``Supervised`` the loss alone is taken.
        local: names of the parameters or modules that local steps move; what ``model.interaction_parameters()`` names
            where empty.
        learning_rate: of both optimisers in the first epoch, eta_1 and eta_2.
        batch_size: rows of a mini-batch, B.
        support_share: of them that the local step takes, rounded down: ``1 - l_pos / B``.
        decay: the learning rate of each epoch is this much of the last one's.
        least_learning_rate: the learning rate falls no further.
        weight_decay: L2 penalty of both, besides the network's own auxiliary losses.
        row_sparse: update only the rows of id tables that a batch touches; None: for tables of 100,000 rows and more.

    Raises:
        InputError: an option that cannot be, or a network that names no local parameters.
    """

    rate: Tensor

    def __init__(
        self,
        model: nn.Module,
        local: Sequence[str] = (),
        learning_rate: float = 0.01,
        batch_size: int = 128,
        support_share: float = 2 / 3,
        decay: float = 0.7,
        least_learning_rate: float = 1e-5,
        weight_decay: float = 0.0,
        row_sparse: bool | None = None,
    ) -> None:
        super().__init__()
        self.model = supervised_copy(
            model, optimizer="adam", learning_rate=learning_rate, weight_decay=weight_decay, batch_size=batch_size,
            row_sparse=row_sparse,
        )  # fmt: skip
        self.local = tuple(local)
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.support_share = support_share
        self.decay = decay
        self.least_learning_rate = least_learning_rate
        self.weight_decay = weight_decay
        self.row_sparse = row_sparse
        check_share(support_share)
        if not 0 < decay <= 1 or not 0 < least_learning_rate <= learning_rate:
            raise InputError(
                "decay must lie above 0 and be at most 1, least_learning_rate above 0 and at most learning_rate"
            )
        self.moved = local_parameters(self.network, self.local)
        self.auxiliary = auxiliary_losses(self.network)
        # Kept with the weights, so that fine-tuning goes on with the rate of the epoch that they are of.
        self.register_buffer("rate", torch.tensor(learning_rate))

    @property
    def network(self) -> nn.Module:
        return self.model.model

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.model.start(train, valid, run)
        self._start_optimizers(run)

    def _start_optimizers(self, run: Run) -> None:
        """Those of the two kinds of steps; the network's own have started."""
        self.run = run
        local = Adam(self._local(), self.learning_rate, weight_decay=self.weight_decay)
        self.optimizers = {**self.model.optimizers, "local": local}

    def _local(self) -> list[nn.Parameter]:
        parameters = dict(self.model.model.named_parameters())
        return [parameters[name] for name in self.moved]

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[Batch]:
        self._set_rate(max(self.learning_rate * self.decay**epoch, self.least_learning_rate))
        return self.model.episodes(seed, epoch, first)

    def _set_rate(self, rate: float) -> None:
        self.rate.fill_(rate)
        for name in self.optimizers.keys() & STEPS:  # a loss that is learned has optimisers and rates of its own
            for group in self.optimizers[name].param_groups:
                group["lr"] = rate

    def steps(self) -> int:
        return self.model.steps()

    def step(self, episode: Batch) -> dict[str, Tensor]:
        return self._two_steps(episode, self.model.step)

    def _two_steps(self, episode: Batch, of_all: Callable[[Batch], dict[str, Tensor]]) -> dict[str, Tensor]:
        """A local step on the first rows, then ``of_all`` on the others; the losses before each."""
        batch = episode.to(self.run.fabric.device)
        cut = support_rows(len(batch), self.support_share)
        places = torch.arange(len(batch), device=batch.ids.device)
        of_local = {"local": self._local_step(batch.select(places[:cut]))} if cut else {}
        return {**of_all(batch.select(places[cut:])), **of_local}

    def _local_step(self, batch: Batch) -> Tensor:
        """One Adam step of the local parameters; the total loss before it."""
        local, optimizer = self._local(), self.optimizers["local"]
        with self.run.fabric.autocast(), asked_for(self.auxiliary) as told:
            of_labels = self.model.mean_loss(self.model.model(batch).float(), batch)
        loss, _ = total_of(of_labels, told)
        # The other parameters' gradients, whole tables among them, are never computed.
        for parameter, gradient in zip(local, torch.autograd.grad(loss, local, materialize_grads=True), strict=True):
            parameter.grad = gradient
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def fine_tune(self, log: ClickLog, learning_rate: float | None = None, seed: int = 0) -> None:
        """Local and global steps on further rows, once through them in order of time: FT-A, FT-B and FT-C in turn.

        The optimisers go on from where training left them; they start anew after ``end``, or in a method that was
        loaded. A loss that is learned stays as it was learned.

        Args:
            log: the rows; ``batch_size`` of them make one step of each kind.
            learning_rate: of both; where None the one of the epoch whose weights are kept.
            seed: of dropout.

        Raises:
            InputError: there are no rows, they are of another schema or without labels, or the rate cannot be.
            TrainingDiverged: a loss or a prediction became NaN or infinite.
        """
        if not len(log):
            raise InputError("the rows to fine-tune on are none; give a log that holds some")
        require_rows(self, log, "fine-tuning")
        rate = float(self.rate) if learning_rate is None else learning_rate
        if not 0 < rate < math.inf:
            raise InputError(f"learning_rate must be positive and finite, not {rate}")
        device = self.rate.device
        if not self.optimizers:
            run = Run(Fabric(accelerator=device.type, devices=1))
            self.model.start_optimizers(log.schema, run)
            self._start_optimizers(run)
        self._set_rate(rate)
        ordered = log.take(log.time.argsort(kind="stable"))
        with in_mode(self, training=True), torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            for step, batch in enumerate(ordered_batches(ordered, self.batch_size), start=1):
                losses = self._two_steps(batch, self.model.descend)
                require_finite_values(losses, f"at step {step} of fine-tuning", f"learning_rate {rate}")
        # What the last step led to shows in no loss.
        told = torch.from_numpy(score(self, ordered.take(slice(-self.batch_size, None))))
        require_finite_values({"predictions": told.sum()}, "after fine-tuning", f"learning_rate {rate}")

    def predict(self, batch: Batch) -> Tensor:
        return self.model.predict(batch)
