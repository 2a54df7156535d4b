"""Models of one's own, as a user would have them in a module of theirs."""

from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.schema import Schema


class Mine(nn.Module):
    """A bias for each id."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema
        self.biases = nn.Embedding(schema.size, 1)
        nn.init.zeros_(self.biases.weight)

    def forward(self, batch: Batch) -> Tensor:
        logits: Tensor = self.biases(batch.ids).sum((1, 2))
        return logits


class NoModule:
    """A class that is built from a schema but is no network."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
