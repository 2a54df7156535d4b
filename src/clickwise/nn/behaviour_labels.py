"""What came of each behaviour of a session, read off the ids of a history of labels."""

import torch
from torch import Tensor, nn

from clickwise.errors import InputError
from clickwise.nn.behaviours import Behaviours
from clickwise.nn.tables import given_table, reached_rows
from clickwise.schema import Schema


class BehaviourLabels(nn.Module):
    """``ids [batch, width] -> float32 [batch, length]``: the class of each behaviour of a group, and 0 on padding.

    The classes lie in an id table that is never trained, so that ids that are numbered within the rows of a batch find
    theirs as they find their embeddings. No gradient flows.

    Args:
        schema: fitted schema.
        group: of behaviours whose labels are known: ``group.labels`` is not None.

    Raises:
        InputError: the schema has no history of labels for the group.
    """

    def __init__(self, schema: Schema, group: Behaviours) -> None:
        super().__init__()
        if group.labels is None:
            raise InputError(
                f"the schema has no history of labels of {group.length} slots and events {group.events!r}, "
                f"beside {group.sequences[0]!r}"
            )
        field = schema[group.labels]
        self.slots = schema.slots(field.name)
        first = schema.first_value(field.vocabulary)
        classes = torch.zeros(schema.size, 1)
        classes[first : first + schema.classes, 0] = torch.arange(schema.classes, dtype=classes.dtype)
        self.classes = given_table(classes, reached_rows(schema, [field]), learned=False)

    def forward(self, ids: Tensor) -> Tensor:
        classes: Tensor = self.classes(ids[:, self.slots])
        return classes.squeeze(2).detach()
