"""Logistic regression."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from clickwise.data.log import Batch
from clickwise.models.model import Model
from clickwise.nn.embedding import Linear
from clickwise.schema import Schema


class LR(Model):
    """Logistic regression on one-hot ids and standardised numbers: ``w_0 + sum_i w_i x_i``.

    The values of a bag or sequence share the field's weight of one: each counts ``1 / number of values``.

    Args:
        schema: fitted schema.
    """

    recipe: ClassVar[Mapping[str, Any]] = {"optimizer": "ftrl", "learning_rate": 0.1}  # McMahan et al. 2013

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self.linear = Linear(schema)

    def forward(self, batch: Batch) -> Tensor:
        return self.shape_logits(self.linear(batch))
