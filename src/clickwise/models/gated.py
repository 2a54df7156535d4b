"""User-dependent gating around any model with an MLP."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from clickwise.configuration import arguments
from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.models.model import Model
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.gate_inputs import GateInputs, available_inputs
from clickwise.nn.gate_kinds import GateKind, find_gate
from clickwise.nn.gated_mlp import GatedMLP
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema

GATE_HIDDEN_DIMS = (16, 16)


class UserDependentGating(Model):
    """A model whose MLP has other weights for each row (UDG, Yuan et al., Eq. 6 to 9, and relatives).

    It takes the model over: the MLP in it is gated from now on. Field vectors that gates read are the base model's.
    How gates start, and what differs from the papers, stands at ``GATES``.

    Args:
        model: a model with an MLP ``mlp`` and field vectors ``embedding``.
        gate: a name in ``clickwise.nn.gate_kinds.GATES``.
        inputs: what gates read, of ``clickwise.nn.gate_inputs.INPUTS``. None: what that kind of gate reads by
            definition, less what the schema has no fields for.
        gate_dim: length of the gates' own vector of a user; that of the model's field vectors where None.
        gate_hidden_dims: lengths of the hidden layers of every gate network; (16, 16) where None.
        shuffle_users: give each row's gates another row's user (vector, profile, behaviour): a control whose gain must
            vanish. Its predictions depend on which rows share a batch; a row alone keeps its own user.

    Raises:
        InputError: the model has no MLP or is gated already, the gate is unknown, or the schema lacks what it reads.
    """

    def __init__(
        self,
        model: nn.Module,
        gate: str = "udg",
        inputs: Sequence[str] | None = None,
        gate_dim: int | None = None,
        gate_hidden_dims: Sequence[int] | None = None,
        shuffle_users: bool = False,
    ) -> None:
        mlp, embedding, schema = _parts_of(model)
        super().__init__(schema)
        self.recipe = getattr(model, "recipe", {})  # type: ignore[misc]  # that of a class is this instance's own here
        kind = find_gate(gate)
        embedding_dim = embedding.slots.table.embedding_dim
        self.gate = gate
        self.inputs = _inputs_of(kind, gate, inputs, schema)
        self.gate_dim = embedding_dim if gate_dim is None else gate_dim
        self.gate_hidden_dims = GATE_HIDDEN_DIMS if gate_hidden_dims is None else tuple(gate_hidden_dims)
        self.shuffle_users = shuffle_users
        if self.gate_dim < 1 or not self.gate_hidden_dims or min(self.gate_hidden_dims) < 1:
            raise InputError("gate_dim and each of gate_hidden_dims, one or several, must be at least 1")
        if shuffle_users and not {"user", "profile", "behaviour", "fields", "fullness"} & set(self.inputs):
            raise InputError(f"shuffle_users: gate {gate!r} reads nothing of the user here")
        reads = None
        if self.inputs:
            reads = GateInputs(
                schema, self.inputs, embedding_dim, self.gate_dim, kind.stop_gradient, self.shuffle_users
            )
        linears = [layer for layer in mlp.layers if isinstance(layer, nn.Linear)]
        model.mlp = GatedMLP(mlp, kind.make(linears, reads, self.gate_hidden_dims))
        # A bound method, so that a deep copy hooks its own MLP.
        embedding.pooling.register_forward_hook(model.mlp.take_vectors)
        self.model = model

    @property
    def user_table(self) -> str:
        """Name of the parameter that holds the gates' own vectors of users.

        Raises:
            InputError: they have none.
        """
        for name, module in self.named_modules():
            if isinstance(module, GateInputs) and module.user is not None:
                return f"{name}.user.weight"
        raise InputError(f"gate {self.gate!r} has no table of users here: 'user' is not among its inputs")

    def interaction_parameters(self) -> list[str]:
        named = getattr(self.model, "interaction_parameters", list)  # a model of one's own may have none
        return [f"model.{name}" for name in named()]

    def forward(self, batch: Batch) -> Tensor:
        try:
            logits: Tensor = self.model(batch)
        finally:
            cast(GatedMLP, self.model.mlp).vectors = None  # of a pass that failed, too, nothing is kept
        return logits


def _parts_of(model: nn.Module) -> tuple[MLP, FieldEmbedding, Schema]:
    name = type(model).__name__
    mlp, embedding, schema = (getattr(model, part, None) for part in ("mlp", "embedding", "schema"))
    if isinstance(model, UserDependentGating) or isinstance(mlp, GatedMLP):
        raise InputError(f"{name} is gated already; gate the model itself, once")
    if not isinstance(mlp, MLP) or not isinstance(embedding, FieldEmbedding) or not isinstance(schema, Schema):
        raise InputError(cannot_be_gated([name]))
    return mlp, embedding, schema


def cannot_be_gated(names: Sequence[str]) -> str:
    """The line that says which models have no MLP, and which ones have.

    Args:
        names: what the line calls the models that have none; at least one.
    """
    has = "it has" if len(names) == 1 else "they have"
    with_one = ", ".join(_with_an_mlp())
    return f"{' and '.join(names)} cannot be gated: {has} no MLP; models with one can: {with_one}"


def _with_an_mlp() -> list[str]:
    from clickwise import models

    kinds = [getattr(models, name) for name in models.__all__]
    takes_one = [kind for kind in kinds if "hidden_dims" in arguments(kind)]
    return [kind.__name__ if kind.has_mlp else f"{kind.__name__} with hidden_dims" for kind in takes_one]


def _inputs_of(kind: GateKind, gate: str, inputs: Sequence[str] | None, schema: Schema) -> tuple[str, ...]:
    """What gates read; whether the schema has it is checked where it is read."""
    if not kind.inputs:
        if inputs:
            raise InputError(f"inputs: gate {gate!r} reads the MLP alone, not {', '.join(inputs)}")
        return ()
    if inputs is not None:
        return (inputs,) if isinstance(inputs, str) else tuple(inputs)
    available = available_inputs(schema)
    found = tuple(name for name in kind.inputs if name in available or name == "user")
    if not found:
        raise InputError(f"gate {gate!r} reads {' and '.join(kind.inputs)}, and this schema has no field for either")
    return found
