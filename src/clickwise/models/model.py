"""What every model is: a map from a batch to logits."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.schema import Schema


class Model(nn.Module):
    """Base of the built-in models: ``forward(batch) -> logits [batch]``, or ``[batch, classes]``.

    A model of one's own need not derive from it. It must map a batch to logits, look ids up in ``nn.Embedding``
    tables of ``schema.size`` rows and, to be saved, keep each argument of its constructor as an attribute of that name.

    Attributes:
        schema: the fitted schema it was built from.
        recipe: options of ``Supervised`` that this model is usually trained with.
    """

    recipe: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema

    def shape_logits(self, logits: Tensor) -> Tensor:
        """``[batch, outputs]`` as the contract wants it: ``[batch]`` for binary labels."""
        return logits.squeeze(1) if self.schema.outputs == 1 else logits

    def forward(self, batch: Batch) -> Tensor:
        """Logits ``[batch]``, or ``[batch, classes]``."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it maps a batch to logits")
