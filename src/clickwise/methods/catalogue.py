"""Methods by the names that the command line knows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from clickwise.configuration import arguments, check_options, find_class
from clickwise.errors import InputError, nearest
from clickwise.methods.controls import GlobalRate, MeanLogit, Stacking, UniformAverage
from clickwise.methods.method import Method
from clickwise.methods.supervised import Supervised
from clickwise.models import FFM, FM, LR, DeepFM
from clickwise.schema import Schema

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """A method that the command line knows.

    Attributes:
        title: how tables call it.
        kind: its class: a model, a control, or a combination of trained models.
        group: ``model``, ``control`` (stands alone) or ``combination`` (a control made of the run's trained models).
    """

    title: str
    kind: Callable[..., nn.Module]
    group: str = "model"

    @property
    def control(self) -> bool:
        """True for what adaptive methods are held against."""
        return self.group != "model"


METHODS: dict[str, Entry] = {
    "global-rate": Entry("Global rate", GlobalRate, "control"),
    "mean-logit": Entry("User mean + item mean", MeanLogit, "control"),
    "lr": Entry("LR", LR),
    "fm": Entry("FM", FM),
    "ffm": Entry("FFM", FFM),
    "deepfm": Entry("DeepFM", DeepFM),
    "uniform-average": Entry("Uniform average", UniformAverage, "combination"),
    "stacking": Entry("Global stacking", Stacking, "combination"),
}
GROUPS = {"controls": [name for name, entry in METHODS.items() if entry.control], "all": list(METHODS)}
COMBINED_FROM = 2


def entry(name: str) -> Entry:
    """The entry of a name; ``package.module:Class`` names a model of one's own."""
    if ":" in name:
        return Entry(name.partition(":")[2], find_class(name, trusted=[name.partition(":")[0]]))
    if name not in METHODS:
        raise InputError(f"method {name!r} is unknown{nearest(name, [*METHODS, *GROUPS])}")
    return METHODS[name]


def expand(names: Iterable[str], schema: Schema) -> list[str]:
    """Method names with groups written out, each once, combinations last.

    A group leaves out what the log does not allow: combinations of fewer than two models, the mean logit without
    user and item. Named outright, those are errors.
    """
    given = [name for name in names if name]
    if not given:
        raise InputError(f"methods: name at least one of {', '.join([*METHODS, *GROUPS])}")
    grouped = [name for group in given for name in GROUPS.get(group, [])]
    outright = [name for name in given if name not in GROUPS]
    wanted = dict.fromkeys([*grouped, *outright])
    models = [name for name in wanted if entry(name).group == "model"]
    left_out = set()
    if len(models) < COMBINED_FROM:
        left_out = {name for name in wanted if entry(name).group == "combination"}
    if not schema.item and not any(f.column == schema.user for f in schema.id_fields):
        left_out.add("mean-logit")
    if refused := [name for name in outright if name in left_out]:
        need = (
            "two models among the methods"
            if entry(refused[0]).group == "combination"
            else "the schema to name its item"
        )
        raise InputError(f"method {refused[0]!r} needs {need}")
    kept = [name for name in wanted if name not in left_out]
    if not kept:
        raise InputError(f"methods: {', '.join(given)} leaves nothing to train on this log")
    return sorted(kept, key=lambda name: entry(name).group == "combination")


def build(name: str, schema: Schema, options: Options, models: Sequence[Method]) -> Method:
    """A new, untrained method.

    Args:
        name: a name in ``METHODS``, or ``package.module:Class``.
        schema: the fitted schema.
        options: for the model's constructor and for ``Supervised``, mixed.
        models: trained models, for a combination.

    Raises:
        InputError: an option that neither takes, with the nearest one.
    """
    found = entry(name)
    if found.group == "combination":
        check_options(options, found.kind, name)
        return _made(name, found.kind, options, models)  # type: ignore[return-value]
    if found.group == "control":
        check_options(options, found.kind, name)
        return _made(name, found.kind, options, schema)  # type: ignore[return-value]
    of_model = [option for option in arguments(found.kind) if option not in ("schema", "self")]
    of_training = [option for option in arguments(Supervised) if option != "model"]
    for option in options:
        if option not in (*of_model, *of_training):
            raise InputError(f"{name}: unknown option {option!r}{nearest(option, [*of_model, *of_training])}")
    model = _made(name, found.kind, {key: value for key, value in options.items() if key in of_model}, schema)
    trained = _made(name, Supervised, {key: value for key, value in options.items() if key in of_training}, model)
    return trained  # type: ignore[return-value]


def _made(name: str, kind: Callable[..., nn.Module], options: Options, first: object) -> nn.Module:
    """``kind(first, **options)``; what torch or Python say of a value that cannot be becomes one line."""
    try:
        return kind(first, **options)
    except InputError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        if not options:
            raise
        given = ", ".join(f"{option}={value!r}" for option, value in options.items())
        reason = " ".join(str(error).split())
        raise InputError(f"{name}: cannot be made with {given}: {reason}") from None
