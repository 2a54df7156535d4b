"""Meta-Embedding: vectors for new users or items, generated from their profiles (UDG paper, Algorithm 1)."""

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Adam

from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.losses import cross_entropy
from clickwise.methods.adapted_vectors import AdaptedEmbeddings
from clickwise.methods.generated import IdVectors, mean_by
from clickwise.methods.halves import HalvedRows, Pair
from clickwise.methods.method import Before, Method, Run, to_probability
from clickwise.methods.mixture import network_of, supervised_copy
from clickwise.methods.scoring import score_outputs
from clickwise.methods.supervised import Supervised
from clickwise.methods.unseen import common_schema_of
from clickwise.nn.generator import EmbeddingGenerator
from clickwise.nn.tables import sparse_gradient, touched_rows
from clickwise.optim import RowSparseAdam


def has_vectors(model: Method) -> bool:
    """True for a model that vectors can be generated for."""
    return isinstance(model, Supervised) and IdVectors.are_in(model.model, common_schema_of([model]))


class MetaEmbedding(Method):
    """A trained model, and a generator of vectors for ids that it does not know (Pan et al. 2019; UDG paper, Eq. 11).

    A row of an unknown id takes the vector that the generator makes from the row's own profile: in the gates' own user
    table where the model has gates and the ids are users', else in the model's main table. All other rows are
    predicted as the model does. Model and gates are never changed: they compute as in prediction, without gradients.

    In an episode ids count as new: all tables but the one whose vectors are generated see them as unknown, as they will
    in prediction. So do the rows that an epoch is judged on. Each id takes a step of its own, however many ids there
    are in an episode; an id's vector is made from the profile of one of its rows.

    Args:
        model: network or ``Supervised`` one; copied.
        field: the id field: that of the user where empty; a field that names items serves new items.
        gamma: weight of the loss before the step, ``gamma * L_A + (1 - gamma) * L_B`` (Eq. 10).
        inner_learning_rate: of the step on the vectors, alpha: one on the mean loss of each id's rows.
        learning_rate: of Adam for the generator, beta.
        ids_per_step: ids of an episode; an epoch visits each id that has two rows or more once.
        rows_per_id: rows of an id in each of the two mini-batches, at most.
        second_order: let the gradient of the generator flow through the step.
        initial_deviation: standard deviation of the generator's first weights. It starts by saying what the unknown
            id's trained row says.
        pretrain: train the model first, on the same rows; otherwise it counts as trained.

    Raises:
        InputError: an option that cannot be, a model without a table to generate rows of, or a field without a profile.
    """

    for_steps: ClassVar[tuple[str, ...]] = ("halves",)

    def __init__(
        self,
        model: nn.Module,
        field: str = "",
        gamma: float = 0.1,
        inner_learning_rate: float = 1.0,
        learning_rate: float = 3e-3,
        ids_per_step: int = 64,
        rows_per_id: int = 20,
        second_order: bool = True,
        initial_deviation: float = 0.01,
        pretrain: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= gamma <= 1:
            raise InputError(f"gamma must lie between 0 and 1, not {gamma}")
        if inner_learning_rate < 0 or min(learning_rate, ids_per_step, rows_per_id) <= 0:
            raise InputError(
                "learning_rate, ids_per_step and rows_per_id must be positive, inner_learning_rate not negative"
            )
        self.schema = schema = common_schema_of([model])
        self.model = supervised_copy(model)
        self.field = field or schema.need_user_field("MetaEmbedding, where no 'field' is given,").name
        self.gamma = gamma
        self.inner_learning_rate = inner_learning_rate
        self.learning_rate = learning_rate
        self.ids_per_step = ids_per_step
        self.rows_per_id = rows_per_id
        self.second_order = second_order
        self.initial_deviation = initial_deviation
        self.pretrain = pretrain
        self.generator = EmbeddingGenerator(schema, self.field, self.vectors.rows.shape[1], initial_deviation)

    @cached_property
    def vectors(self) -> IdVectors:
        """Where generated vectors go."""
        return IdVectors.of(network_of(self.model), self.schema, self.field)

    def train(self, mode: bool = True) -> "MetaEmbedding":
        """As of any module, but the model always computes as in prediction."""
        super().train(mode)
        self.model.eval()
        return self

    def before(self, train: ClickLog, valid: ClickLog | None) -> list[Before]:
        return [Before("pretraining", self.model, train, valid)] if self.pretrain else []

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.run = run
        self.halves = HalvedRows(train, self.field, self.ids_per_step, self.rows_per_id)
        self.generator.start_from(self.vectors.rows[self.vectors.unknown])
        parameters = dict(self.generator.named_parameters())
        tables = RowSparseAdam([parameters.pop("table.weight")], self.learning_rate)
        self.optimizers = {"tables": tables, "dense": Adam(parameters.values(), self.learning_rate)}

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[Pair]:
        return self.halves.epoch(seed, epoch, first)

    def steps(self) -> int:
        return len(self.halves)

    def step(self, episode: Pair) -> dict[str, Tensor]:
        pair = episode.to(self.run.fabric.device)
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        profile = pair.a.select(pair.first)
        table = self.generator.table.weight
        rows, local = touched_rows(profile.ids)
        touched = table.detach().index_select(0, rows).requires_grad_()
        generated = functional_call(self.generator, {"table.weight": touched}, (profile.with_ids(local),))
        with self.run.fabric.autocast():
            cold, warm = self.losses(generated, pair)
        loss = self.gamma * cold + (1 - self.gamma) * warm
        self.run.fabric.backward(loss)
        assert touched.grad is not None
        table.grad = sparse_gradient(table, rows, touched.grad)
        for optimizer in self.optimizers.values():
            optimizer.step()
        return {name: value.detach() for name, value in (("loss", loss), ("cold", cold), ("warm", warm))}

    def losses(self, generated: Tensor, pair: Pair) -> tuple[Tensor, Tensor]:
        """Mean over ids of the loss on a with the vectors generated, and of that on b after one step of theirs on a.

        Args:
            generated: ``[ids, dim]``.
            pair: rows of those ids.
        """
        of_a = self.loss_of_each(generated, pair.a, pair.of_a)
        # No two ids share a vector, so the gradient of the sum holds that of each.
        (gradient,) = torch.autograd.grad(of_a.sum(), generated, create_graph=self.second_order, retain_graph=True)
        stepped = generated - self.inner_learning_rate * gradient
        return of_a.mean(), self.loss_of_each(stepped, pair.b, pair.of_b).mean()

    def loss_of_each(self, vectors: Tensor, batch: Batch, which: Tensor) -> Tensor:
        """Mean loss of the rows of each vector, ``[vectors]``."""
        return mean_by(cross_entropy(self.vectors.logits(batch, vectors, which), batch.label), which, len(vectors))

    def predict(self, batch: Batch) -> Tensor:
        return self.predict_new(batch, self.vectors.is_unknown(batch))

    def predict_new(self, batch: Batch, new: Tensor) -> Tensor:
        """Probabilities where the rows marked in ``new [batch]`` take generated vectors, whatever their ids."""
        if not new.any():
            return self.model.predict(batch)
        vectors = self.generator(batch.select(torch.nonzero(new).squeeze(1)))
        which = torch.where(new, new.cumsum(0) - 1, -1)
        return to_probability(self.vectors.logits(batch, vectors, which))

    def judge(self, valid: ClickLog) -> npt.NDArray[np.float32]:
        """Probabilities where every row's id counts as new, which is what the generator is for."""
        return score_outputs(self, valid, lambda batch: (self.predict_new(batch, torch.ones_like(batch.user) > 0),))[0]

    def served_by_generator(self, log: ClickLog) -> int:
        # Users of a missing id are none of them: that id has a row of its own, which is trained where ids are missing.
        return len(np.unique(log.user[log.ids[:, self.vectors.column] == self.vectors.unknown]))

    def adapt(
        self,
        support: ClickLog,
        steps: int = 1,
        learning_rate: float | None = None,
        start: str = "generator",
        seed: int = 0,
    ) -> AdaptedEmbeddings:
        """Vectors of their own for the users (or items) of labelled rows: warm-up by ordinary gradient steps on them.

        Nothing else moves, and the method is not changed.

        Args:
            support: the rows; may be none, for ``update`` to give some later.
            steps: gradient steps on the mean loss of each user's rows, all users at once.
            learning_rate: of the steps; ``inner_learning_rate`` where None.
            start: what a vector starts from: ``generator``, ``unknown`` (the unknown id's trained row) or ``random``.
            seed: of random starts.

        Raises:
            InputError: an option that cannot be, or rows of unknown items, which cannot be told apart.
        """
        rate = self.inner_learning_rate if learning_rate is None else learning_rate
        return AdaptedEmbeddings(self, steps, rate, start, seed).update(support)
