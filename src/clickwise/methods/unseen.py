"""What every selection of models learns from: labelled rows that the models were not trained on."""

from collections.abc import Iterable
from typing import cast

from torch import nn

from clickwise.data.log import ClickLog
from clickwise.data.tasks import divide_by_user
from clickwise.errors import InputError
from clickwise.methods.method import Before, Method
from clickwise.schema import Schema

FRESH_SHARE = 0.75
"""Share of each user's validation rows that a selection learns from; its epochs are judged on the others."""


class OnUnseenRows(Method):
    """A method over models that learns which of them to trust, from rows that they have not seen.

    On rows that they were trained on, the model that overfits most would look best.

    Attributes:
        models: methods.
        pretrain: train the models first, on ``pretrain_share`` of each user's training rows, and learn from the other
            training rows. Otherwise the models count as trained on all training rows: the method then learns from
            three quarters of each user's validation rows, and its epochs are judged on the last quarter.
        pretrain_share: see there.
        order: ``time``: the rows to learn from are the user's latest training rows, or earliest validation rows;
            ``random``: any.
    """

    models: nn.ModuleList
    pretrain: bool
    pretrain_share: float
    order: str

    def before(self, train: ClickLog, valid: ClickLog | None) -> list[Before]:
        if not self.pretrain:
            return []
        seen, _ = divide_by_user(train, self.pretrain_share, self.order)
        return [Before(f"model-{index}", cast(Method, model), seen, valid) for index, model in enumerate(self.models)]

    def monitored(self, valid: ClickLog | None) -> ClickLog | None:
        if self.pretrain or valid is None:
            return valid
        return self._not_empty(divide_by_user(valid, FRESH_SHARE, self.order)[1], "judge epochs on", "validation")

    def divide(self, train: ClickLog, valid: ClickLog | None) -> tuple[ClickLog, ClickLog]:
        """Rows that the models have seen, and rows to learn from.

        Raises:
            InputError: there is no row to learn from.
        """
        if self.pretrain:
            seen, fresh = divide_by_user(train, self.pretrain_share, self.order)
            return seen, self._not_empty(fresh, "learn from", "training")
        if valid is None:
            raise InputError(
                f"without pre-training, {type(self).__name__} learns from validation rows, which its models have not "
                "seen; give it some"
            )
        fresh = divide_by_user(valid, FRESH_SHARE, self.order)[0]
        return train, self._not_empty(fresh, "learn from", "validation")

    def _not_empty(self, log: ClickLog, purpose: str, part: str) -> ClickLog:
        if not len(log):
            raise InputError(f"{type(self).__name__}: too few {part} rows to leave one to {purpose}; give it more")
        return log


def common_schema_of(models: Iterable[nn.Module]) -> Schema:
    """The schema of methods that are already made; of each, the first one that it or a part of it keeps.

    Raises:
        InputError: no model keeps a schema, or two keep different ones.
    """
    found = [schema_in(model) for model in models]
    schemas = [schema for schema in found if schema is not None]
    if not schemas:
        raise InputError("a selection needs a model that keeps its schema as the attribute 'schema'")
    if any(schema != schemas[0] for schema in schemas):
        raise InputError("the models have different schemas; build them all from the schema of one log")
    return schemas[0]


def require_schema(model: nn.Module, log: ClickLog) -> None:
    """Raise where a model keeps a schema of other fields or vocabularies than the log's: its ids mean other values."""
    own = schema_in(model)
    if own is not None and (own.fields, own.vocabularies) != (log.schema.fields, log.schema.vocabularies):
        raise InputError(
            "the log's schema has other fields or vocabularies than the model's, so its ids mean other values; take "
            "rows of the log that the model was made for, or encode them as those were (`load_model(...).encode(...)`)"
        )


def require_rows(model: nn.Module, log: ClickLog, who: str) -> None:
    """Raise where a model cannot learn from these rows: they are of another schema, see above, or have no labels.

    Args:
        model: the model.
        log: the rows.
        who: what needs labels.
    """
    require_schema(model, log)
    log.require_labels(who)


def schema_in(model: nn.Module) -> Schema | None:
    """The schema that a model, or the first of its parts that has one, keeps as its attribute ``schema``."""
    parts = (getattr(part, "schema", None) for part in model.modules())
    return next((schema for schema in parts if isinstance(schema, Schema)), None)
