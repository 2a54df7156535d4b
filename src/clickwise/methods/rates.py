"""Learned inner learning rates (Meta-SGD, Li et al. 2017)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from clickwise.errors import InputError, nearest
from clickwise.nn.tables import given_table
from clickwise.schema import Schema

GRANULARITIES = ("parameter", "vocabulary", "fixed")


class LearnedRates(nn.Module):
    """One inner learning rate for every parameter that adapts.

    Args:
        schema: fitted schema.
        adapted: the parameters that adapt, by name.
        tables: the modules of those of them that are id tables, by the same names.
        initial: first value of all rates.
        granularity: ``parameter``: one rate for every single weight (MetaSelector paper, Eq. 4 to 6). ``vocabulary``:
            one a dense tensor, and one a vocabulary of each table, which tells how much of a user's and how much of an
            item's embedding should adapt. ``fixed``: all stay at ``initial``.
    """

    starts: Tensor

    def __init__(
        self,
        schema: Schema,
        adapted: Mapping[str, Tensor],
        tables: Mapping[str, nn.Embedding],
        initial: float,
        granularity: str,
    ) -> None:
        super().__init__()
        if granularity not in GRANULARITIES:
            raise InputError(f"rates {granularity!r} are unknown{nearest(granularity, GRANULARITIES)}")
        if initial <= 0:
            raise InputError(f"inner_learning_rate must be positive, not {initial}")
        self.granularity = granularity
        starts = torch.tensor(sorted(schema.offsets.values()))
        self.register_buffer("starts", starts, persistent=False)
        self.dense = nn.ParameterDict()
        self.tables = nn.ModuleDict()
        every = granularity == "parameter"
        self.names: dict[str, str] = {}
        self.table_names: dict[str, str] = {}
        for name, value in adapted.items():
            key = name.replace(".", "/")  # a module's entry may hold no dot
            if name in tables:
                # Rates of a table are a table themselves, so whatever gathers touched rows gathers theirs.
                shape = value.shape if every else (len(starts), 1)
                reached = getattr(tables[name], "reached", len(value)) if every else len(starts)
                table = given_table(torch.full(tuple(shape), initial), reached, learned=granularity != "fixed")
                self.tables[key], self.table_names[name] = table, f"tables.{key}.weight"
            else:
                self.dense[key], self.names[name] = (
                    _rate(value.shape if every else (), initial, granularity),
                    f"dense.{key}",
                )

    @torch.no_grad()
    def start_from(self, other: "LearnedRates", prefix: str) -> None:
        """Take over the rates of another module for the parameters that both adapt; their mean where shapes differ.

        Args:
            other: rates of a part of the module that is adapted.
            prefix: name of that part within it.
        """
        own = dict(self.named_parameters())
        given = dict(other.named_parameters())
        for names, others in ((self.names, other.names), (self.table_names, other.table_names)):
            for name, theirs in others.items():
                rate, found = own[names[prefix + name]], given[theirs]
                rate.copy_(found if found.shape == rate.shape else found.mean())

    def of_task(self, values: Mapping[str, Tensor], rows: Tensor, prefix: str) -> dict[str, Tensor]:
        """The rate of every adapted parameter of a task.

        Args:
            values: the task's parameters by name, those of this module among them under ``prefix``.
            rows: the rows of the id tables that the task touches.
            prefix: name of this module within the one that is adapted.
        """
        rates = {name: values[prefix + own] for name, own in self.names.items()}
        if self.granularity == "parameter":
            return rates | {name: values[prefix + own] for name, own in self.table_names.items()}
        if self.table_names:
            vocabulary = torch.bucketize(rows, self.starts, right=True) - 1
            vocabulary = vocabulary.clamp(min=0)  # padding stands before the first vocabulary and never adapts
            rates |= {name: values[prefix + own].index_select(0, vocabulary) for name, own in self.table_names.items()}
        return rates


def _rate(shape: Sequence[int], initial: float, granularity: str) -> nn.Parameter:
    return nn.Parameter(torch.full(tuple(shape), initial), requires_grad=granularity != "fixed")
