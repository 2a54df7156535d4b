"""Untrained methods from their names and options."""

from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, get_args

from torch import nn

from clickwise.configuration import arguments, check_options
from clickwise.errors import InputError, nearest
from clickwise.methods.catalogue import entry
from clickwise.methods.controllers import load_controller
from clickwise.methods.entries import Entry
from clickwise.methods.method import Method
from clickwise.methods.names import Options, bases, parts
from clickwise.methods.trainings import CROSS_ENTROPY, TRAININGS
from clickwise.methods.unseen import common_schema_of
from clickwise.models.gated import UserDependentGating
from clickwise.nn.selector import Selector
from clickwise.schema import Schema

KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", NoneType: "null"}
"""What an option can be, in words, where its annotation names nothing else."""


def pretraining(name: str, options: Options) -> tuple[float, str] | None:
    """What a method that trains its models itself trains them on: ``pretrain_share`` and ``order`` of a user's rows.

    It is given untrained models. None for a method without models, or that takes them as trained.
    """
    found = entry(name)
    if not found.made_of_models or "pretrain" not in arguments(found.kind):
        return None
    given = {key: parameter.default for key, parameter in arguments(found.kind).items()} | {**found.options, **options}
    return (given["pretrain_share"], given["order"]) if given["pretrain"] else None


def build(name: str, schema: Schema, options: Options, models: Sequence[Method]) -> Method:
    """A new, untrained method.

    Args:
        name: a name in ``METHODS``, or ``package.module:Class``.
        schema: the fitted schema.
        options: for the model's constructor and for its training (``Supervised``, ``AutoLoss``), mixed.
        models: those that a method is made of, the best one on validation rows first where it takes one: trained,
            or untrained where ``pretraining`` says that it trains them itself.

    Raises:
        InputError: an option that neither takes, with the nearest one.
    """
    found = entry(name)
    if found.made_of_models:
        return _of_models(name, found, options, models)
    if found.group in ("control", "personal"):
        check_options(options, found.kind, name)
        return _made(name, found.kind, options, schema)  # type: ignore[return-value]
    known = options_taken(name)
    if unknown := [option for option in options if option not in known]:
        raise InputError(f"{name}: unknown option {unknown[0]!r}{nearest(unknown[0], known)}")
    of_model, of_gate, *of_trainings = (
        {key: value for key, value in options.items() if key in taken} for taken in _taken(found)
    )
    made = _network(name, found, of_model, of_gate, schema)
    for training, given in zip(found.trainings, of_trainings, strict=True):
        own = {**training.options, **given}
        if isinstance(own.get("controller"), str):
            own["controller"] = load_controller(own["controller"])
        made = _made(name, training.kind, own, made)
    return made  # type: ignore[return-value]


def options_taken(name: str) -> list[str]:
    """Options of a model, of its gates and of what trains it, each once."""
    return list(dict.fromkeys(option for part in _taken(entry(name)) for option in part))


def _taken(found: Entry) -> list[list[str]]:
    """Options of the model, of its gate, and of each of its trainings."""
    gated = found.gating is not None and not found.gating.doubled
    of_gate = [option for option in arguments(UserDependentGating) if option != "gate"] * gated
    parts = [arguments(found.kind), of_gate, *(arguments(training.kind) for training in found.trainings)]
    left_out = {"self", "schema", "model"}
    unread = {*found.trainings[-1].unread} if found.trainings and found.trainings[0] is CROSS_ENTROPY else set()
    within = len(parts) - len(found.trainings)
    return [
        [option for option in part if option not in left_out | (unread if place == within else set())]
        for place, part in enumerate(parts)
    ]


def options_of(name: str, options: Mapping[str, Options]) -> dict[str, Any]:
    """The options given for a method; those given for what it is a variant of hold for it too, where it takes them.

    Args:
        name: of a method, as ``expand`` gives it.
        options: by method name, the options given for it.
    """
    inherited: dict[str, Any] = {}
    for base in reversed(bases(name)):
        # What the base does not take either is a mistake, which building the variant then tells.
        lost = {*options_taken(base)} - {*options_taken(name)}
        inherited |= {key: value for key, value in options.get(base, {}).items() if key not in lost}
    if {*parts(name).trainings} & {*TRAININGS}:  # which say themselves what the loss is
        inherited.pop("loss", None)
    return inherited | dict(options.get(name, {}))


def _network(name: str, found: Entry, options: Options, of_gate: Options, schema: Schema) -> nn.Module:
    """The model as it is, gated, or with its embeddings doubled."""
    gating = found.gating
    if gating is None:
        return _made(name, found.kind, options, schema)
    if not gating.doubled:
        return _made(name, UserDependentGating, {**gating.options, **of_gate}, _made(name, found.kind, options, schema))
    if "embedding_dim" not in arguments(found.kind):
        raise InputError(f"{name}: the model has no option 'embedding_dim' that could be doubled")
    dim = options.get("embedding_dim", arguments(found.kind)["embedding_dim"].default)
    return _made(name, found.kind, {**options, "embedding_dim": 2 * dim}, schema)


def _of_models(name: str, found: Entry, options: Options, models: Sequence[Method]) -> Method:
    """A method made of trained models; options of its selector stand among its own."""
    own = [option for option in arguments(found.kind) if option not in ("self", "model", "models", "selector")]
    of_selector = []
    if "selector" in arguments(found.kind):
        of_selector = [option for option in arguments(Selector) if option not in ("self", "schema", "models")]
    for option in options:
        if option not in (*own, *of_selector):
            raise InputError(f"{name}: unknown option {option!r}{nearest(option, [*own, *of_selector])}")
    given: dict[str, Any] = {**found.options, **{key: value for key, value in options.items() if key in own}}
    if chosen := {key: value for key, value in options.items() if key in of_selector}:
        given["selector"] = Selector(common_schema_of(models), len(models), **chosen)
    if not found.of_best:
        return _made(name, found.kind, given, models)  # type: ignore[return-value]
    best = next((model for model in models if found.suits(model)), models[0])  # which then says what it lacks
    return _made(name, found.kind, given, best)  # type: ignore[return-value]


def _made(name: str, kind: Callable[..., nn.Module], options: Options, first: object) -> nn.Module:
    """``kind(first, **options)``; what torch or Python say of a value that cannot be becomes one line."""
    given = {option: _checked(name, option, value, kind) for option, value in options.items()}
    try:
        return kind(first, **given)
    except InputError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        if not options:
            raise
        told = ", ".join(f"{option}={value!r}" for option, value in options.items())
        reason = " ".join(str(error).split())
        raise InputError(f"{name}: cannot be made with {told}: {reason}") from None


def _checked(name: str, option: str, value: Any, kind: Callable[..., nn.Module]) -> Any:
    """A value of the kind that the constructor's annotation names; of a sequence of names one may stand alone.

    Python itself takes any text for true, and cuts a text into letters where names are wanted.
    """
    wanted = arguments(kind)[option].annotation if option in arguments(kind) else Any
    if wanted == Sequence[str] and isinstance(value, str):
        return (value,)
    kinds = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
    if any(kind not in KINDS for kind in kinds):
        return value
    fits = type(value) in kinds or (float in kinds and type(value) is int)
    if not fits:
        raise InputError(f"{name}: {option} must be {' or '.join(KINDS[kind] for kind in kinds)}, not {value!r}")
    return value
