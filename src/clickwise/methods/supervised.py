"""Ordinary training of one model on shuffled mini-batches."""

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Adagrad, Adam, Optimizer

from clickwise.data.loading import ShuffledBatches
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError, nearest
from clickwise.losses import find_loss
from clickwise.methods.method import Method, Run, to_probability
from clickwise.methods.unseen import schema_in
from clickwise.nn.auxiliary import asked_for, auxiliary_losses, total_of
from clickwise.nn.tables import id_tables, sparse_gradient, touched_rows
from clickwise.optim import FTRLProximal, RowSparseAdam, RowWiseAdagrad
from clickwise.schema import Schema

OPTIMIZERS = ("adam", "adagrad", "ftrl")
DEFAULTS = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 1000}
ROW_SPARSE_FROM = 100_000


class Supervised(Method):
    """Minimises the mean loss of a model over mini-batches, and the model's auxiliary losses with it where it has any.

    An option left at None takes the value of the model's ``recipe``, else the default named here.

    Args:
        model: any module that maps a ``Batch`` to logits.
        optimizer: ``adam`` (default), ``adagrad`` (row-wise on tables) or ``ftrl``.
        learning_rate: 1e-3 by default.
        weight_decay: L2 penalty of Adam and Adagrad, and the l2 of FTRL; 0 by default. Row-sparse updates apply it
            to the rows that a batch touches.
        batch_size: rows a step, 1000 by default.
        loss: a name in ``clickwise.losses.LOSSES``.
        row_sparse: update only the rows of id tables that a batch touches. None: for tables of 100,000 rows and more,
            below which a fused dense update is faster. Dense Adam also moves rows that a batch does not touch.
    """

    for_steps: ClassVar[tuple[str, ...]] = ("batches",)

    def __init__(
        self,
        model: nn.Module,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        loss: str = "cross_entropy",
        row_sparse: bool | None = None,
    ) -> None:
        super().__init__()
        recipe = {**DEFAULTS, **getattr(model, "recipe", {})}
        self.model = model
        self.optimizer = str(recipe["optimizer"] if optimizer is None else optimizer)
        self.learning_rate = float(recipe["learning_rate"] if learning_rate is None else learning_rate)
        self.weight_decay = float(recipe["weight_decay"] if weight_decay is None else weight_decay)
        self.batch_size = int(recipe["batch_size"] if batch_size is None else batch_size)
        self.loss = loss
        self.row_sparse = row_sparse
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"optimizer {self.optimizer!r} is unknown{nearest(self.optimizer, OPTIMIZERS)}")
        self.example_loss = find_loss(loss, classes_of(model))
        if self.learning_rate <= 0 or self.batch_size < 1 or self.weight_decay < 0:
            raise InputError("learning_rate and batch_size must be positive, weight_decay at least 0")

    @property
    def network(self) -> nn.Module:
        return self.model

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.optimizers = {}
        self.start_loss(train, valid, run)
        self.batches = ShuffledBatches(train, self.batch_size)
        self.start_optimizers(train.schema, run)
        if run.compile:
            compile_head(self.model)

    def start_optimizers(self, schema: Schema, run: Run) -> None:
        """What ``descend`` needs besides the loss: optimisers of the network, without a past."""
        self.run, self.classes = run, schema.classes
        self.auxiliary = auxiliary_losses(self.model)
        tables = id_tables(self.model, schema.size)
        by_rows = schema.size >= ROW_SPARSE_FROM if self.row_sparse is None else self.row_sparse
        self.tables = tables if by_rows or self.optimizer == "ftrl" else {}
        in_tables = {id(table) for table in self.tables.values()}
        dense = [p for p in self.model.parameters() if p.requires_grad and id(p) not in in_tables]
        if self.tables:
            self.optimizers["tables"] = self._row_optimizer(list(self.tables.values()))
        if dense:
            self.optimizers["dense"] = self._dense_optimizer(dense)

    def start_loss(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        """What the loss needs before the first step.

        This, ``start_loss_epoch``, ``learn_loss`` and ``end_loss_epoch`` are called by methods with steps of their own
        too, which so train the network on the same loss; optimisers that are made here are theirs to keep.
        """
        self.example_loss = find_loss(self.loss, train.schema.classes)

    def start_loss_epoch(self, seed: int) -> None:
        """What a loss that is learned itself does before the steps of an epoch, or before the rest of them."""

    def learn_loss(self, batch: Batch) -> None:
        """What it does before each step of the network, on the rows of that step."""

    def end_loss_epoch(self) -> None:
        """What it does after an epoch."""

    def _row_optimizer(self, tables: list[nn.Parameter]) -> Optimizer:
        if self.optimizer == "ftrl":
            return FTRLProximal(tables, self.learning_rate, l2=self.weight_decay)
        kind = RowSparseAdam if self.optimizer == "adam" else RowWiseAdagrad
        return kind(tables, self.learning_rate, weight_decay=self.weight_decay)

    def _dense_optimizer(self, parameters: list[nn.Parameter]) -> Optimizer:
        if self.optimizer == "ftrl":
            return FTRLProximal(parameters, self.learning_rate, l2=self.weight_decay)
        if self.optimizer == "adam":
            return Adam(parameters, self.learning_rate, weight_decay=self.weight_decay, fused=True)
        # Before torch 2.13 the fused Adagrad exists on the CPU alone.
        fused = self.run.fabric.device.type == "cpu"
        return Adagrad(parameters, self.learning_rate, weight_decay=self.weight_decay, fused=fused)

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[Batch]:
        self.start_loss_epoch(seed)
        yield from self.batches.epoch(seed, epoch, first)
        self.end_loss_epoch()

    def steps(self) -> int:
        return len(self.batches)

    def step(self, episode: Batch) -> dict[str, Tensor]:
        batch = episode.to(self.run.fabric.device)
        self.learn_loss(batch)
        return self.descend(batch)

    def descend(self, batch: Batch) -> dict[str, Tensor]:
        """One update of the network alone, on rows on its device, by the loss as it is. Returns what ``step`` does."""
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        # Only the rows of this batch enter the graph, so the step costs what it touches however large the table.
        rows, touched = None, {}
        if self.tables:
            rows, local = touched_rows(batch.ids)
            batch = batch.with_ids(local)
            touched = {
                name: table.detach().index_select(0, rows).requires_grad_() for name, table in self.tables.items()
            }
        with self.run.fabric.autocast(), asked_for(self.auxiliary) as told:
            logits = functional_call(self.model, touched, (batch,)) if touched else self.model(batch)
            require_shape(self.model, logits, len(batch), self.classes)
            of_labels = self.mean_loss(logits.float(), batch)
        loss, parts = total_of(of_labels, told)
        # FTRL's rate and penalties are stated for gradients of single examples, so it gets their sum.
        self.run.fabric.backward(loss * len(batch) if self.optimizer == "ftrl" else loss)
        if rows is not None:
            for name, table in self.tables.items():
                gradient = touched[name].grad
                table.grad = None if gradient is None else sparse_gradient(table, rows, gradient)
        for optimizer in self.optimizers.values():
            optimizer.step()
        return {name: value.detach() for name, value in {"loss": loss, **parts}.items()}

    def mean_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Mean loss of a batch."""
        return self.example_loss(logits, batch.label).mean()

    def predict(self, batch: Batch) -> Tensor:
        return to_probability(self.model(batch).float())


def classes_of(model: nn.Module) -> int:
    """Of the schema that a model keeps; two where it keeps none."""
    schema = schema_in(model)
    return 2 if schema is None else schema.classes


def require_shape(model: nn.Module, logits: Tensor, rows: int, classes: int) -> None:
    """Raise where a forward gave another shape, which losses would take for that of another number of classes."""
    if list(logits.shape) != ([rows] if classes == 2 else [rows, classes]):
        words = "[batch]" if classes == 2 else f"[batch, {classes}]"
        raise InputError(
            f"{type(model).__name__}: forward gave {list(logits.shape)} for {rows} rows; logits must be {words}"
        )


def as_method(model: nn.Module) -> Method:
    """A method as it is; a bare model in ``Supervised`` with its recipe."""
    return model if isinstance(model, Method) else Supervised(model)


def compile_head(model: nn.Module) -> None:
    """Compile the parts of a model that hold no id table; the tables' sizes change from batch to batch."""
    for child in model.children():
        if not any(isinstance(module, nn.Embedding) for module in child.modules()):
            child.compile()
