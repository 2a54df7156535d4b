"""What every model is: a map from a batch to logits."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.schema import Schema

DEEP_RECIPE: Mapping[str, Any] = {"learning_rate": 3e-3, "weight_decay": 5e-5, "batch_size": 2000}
"""How most models with an MLP are trained."""


class Model(nn.Module):
    """Base of the built-in models: ``forward(batch) -> logits [batch]``, or ``[batch, classes]``.

    A model of one's own need not derive from it. It must map a batch to logits, look ids up in ``nn.Embedding``
    tables of ``schema.size`` rows and, to be saved, keep each argument of its constructor as an attribute of that name.

    Args:
        schema: fitted schema.

    Attributes:
        schema: the fitted schema it was built from.
        recipe: options of ``Supervised`` that this model is usually trained with.
        interaction_layers: names of the modules that combine the fields' vectors.
        has_mlp: whatever its options, it has an MLP ``mlp`` over field vectors ``embedding``, which can be gated.
    """

    recipe: ClassVar[Mapping[str, Any]] = {}
    interaction_layers: ClassVar[Sequence[str]] = ("mlp",)
    has_mlp: ClassVar[bool] = False

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema

    def interaction_parameters(self) -> list[str]:
        """Names of the parameters of these modules: what local training moves where it is not told otherwise."""
        return [name for name, _ in self.named_parameters() if name.split(".")[0] in self.interaction_layers]

    @staticmethod
    def shape_logits(logits: Tensor) -> Tensor:
        """``[batch, outputs]`` as the contract wants it: ``[batch]`` for binary labels."""
        return logits.squeeze(1) if logits.shape[1] == 1 else logits

    def forward(self, batch: Batch) -> Tensor:
        """Logits ``[batch]``, or ``[batch, classes]``."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it maps a batch to logits")
