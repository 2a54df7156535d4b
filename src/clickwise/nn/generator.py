"""The network that makes an id's vector from what is known of its bearer."""

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.nn.embedding import ValueShares
from clickwise.nn.tables import id_table
from clickwise.schema import Field, Schema


def profile_fields(schema: Schema, field: str) -> tuple[Field, ...]:
    """The fields that describe what an id field names: those of its owner, the id itself left out.

    Args:
        schema: of the log.
        field: a category field that names users or items.

    Raises:
        InputError: no such field, it names neither users nor items, or nothing else describes them.
    """
    named = schema[field]
    if named.kind != "category" or named.owner not in ("user", "item"):
        raise InputError(f"field {field!r}: vectors are generated for ids of users or items, which are categories")
    found = _describing(schema, named)
    if not found:
        raise InputError(
            f"field {field!r}: a generator needs a profile, and the schema has no other field with owner "
            f"{named.owner!r}; add one, such as {'age' if named.owner == 'user' else 'category'}"
        )
    return found


def _describing(schema: Schema, named: Field) -> tuple[Field, ...]:
    # Sequences are what somebody did, and not what somebody is.
    return tuple(
        f for f in schema.fields if f.owner == named.owner and f.column != named.column and f.kind != "sequence"
    )


def has_profile(schema: Schema) -> bool:
    """True where vectors can be generated for users."""
    named = schema.user_field
    return named is not None and named.owner in ("user", "item") and bool(_describing(schema, named))


class EmbeddingGenerator(nn.Module):
    """``batch -> [batch, dim]``: ``tanh(W profile + b)`` (UDG paper, Eq. 11), a vector for the id of each row.

    A bag counts as the mean of its values, a number as itself. What a row's id is plays no part.

    Args:
        schema: fitted schema.
        field: the id field; its profile is ``profile_fields``.
        dim: length of a vector.
        initial_deviation: standard deviation of the initial values of W; b starts at zero.

    Raises:
        InputError: the field has no profile.
    """

    columns: Tensor
    number_columns: Tensor

    def __init__(self, schema: Schema, field: str, dim: int, initial_deviation: float = 0.01) -> None:
        super().__init__()
        profile = profile_fields(schema, field)
        self.table = id_table(schema, dim, initial_deviation, profile)
        self.bias = nn.Parameter(torch.zeros(dim))
        self.shares = ValueShares(schema)
        places = torch.arange(schema.width)
        of_ids = [places[schema.slots(f.name)] for f in profile if not f.is_number]
        of_numbers = [torch.tensor([2 * k, 2 * k + 1]) for k, f in enumerate(schema.number_fields) if f in profile]
        self.register_buffer("columns", torch.cat([places[:0], *of_ids]), persistent=False)
        self.register_buffer("number_columns", torch.cat([places[:0], *of_numbers]), persistent=False)
        self.numbers = nn.Parameter(torch.randn(len(self.number_columns), dim) * initial_deviation)

    def forward(self, batch: Batch) -> Tensor:
        shares = self.shares(batch.ids)[:, self.columns]
        total = self.bias + (self.table(batch.ids[:, self.columns]) * shares.unsqueeze(2)).sum(1)
        if len(self.numbers):
            total = total + batch.numbers[:, self.number_columns].to(self.numbers) @ self.numbers
        return torch.tanh(total)

    @torch.no_grad()
    def start_from(self, vector: Tensor, most: float = 0.99) -> None:
        """Make it say about ``vector [dim]`` for every profile, from where it then learns.

        Args:
            vector: a value beyond what a tanh can say is taken as ``most``.
            most: see there.
        """
        self.bias.copy_(torch.atanh(vector.clamp(-most, most)))
