"""Names of the command line: what they stand for, groups of them, and what a log allows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from clickwise.configuration import arguments, find_class
from clickwise.errors import InputError, nearest
from clickwise.losses import BINARY_ONLY, LOSSES
from clickwise.methods.entries import (
    COMBINED_FROM,
    GROUPS,
    METHODS,
    NEED_BEHAVIOURS,
    NEED_USERS,
    STAGES,
    Entry,
)
from clickwise.methods.gatings import GATINGS
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.methods.names import GATE, TRAINING, bases, parts
from clickwise.methods.trainings import CROSS_ENTROPY, EVERY_TRAINING, TRAININGS
from clickwise.nn.behaviours import behaviours
from clickwise.nn.generator import has_profile
from clickwise.schema import Schema


def entry(name: str) -> Entry:
    """The entry of a name.

    ``package.module:Class`` names a model of one's own; ``MODEL~GATE+TRAINING`` a model gated, or trained on other
    losses.
    """
    whole = parts(name)
    if whole.gate or whole.training:
        found = entry(whole.model)
        if found.group != "model":
            raise InputError(f"method {name!r}: {whole.model!r} does not learn by gradient steps on a loss of its own")
        for kind, given, known in (("gate", whole.gate, GATINGS), ("training", whole.training, EVERY_TRAINING)):
            if given and given not in known:
                raise InputError(f"method {name!r}: {kind} {given!r} is unknown{nearest(given, known)}")
        training = EVERY_TRAINING[whole.training] if whole.training else CROSS_ENTROPY
        gating = GATINGS[whole.gate] if whole.gate else None
        return replace(found, title=title_of(name), group="variant", gating=gating, training=training)
    if ":" in name:
        return Entry(name.partition(":")[2], find_class(name, trusted=[name.partition(":")[0]]))
    if name not in METHODS:
        raise InputError(f"method {name!r} is unknown{nearest(name, [*METHODS, *GROUPS])}")
    return METHODS[name]


def with_variants(names: Sequence[str], gates: Iterable[str], trainings: Iterable[str], schema: Schema) -> list[str]:
    """``names``, and each of their models once more for each gate, and then for each training.

    ``all`` stands for all gates, or for all trainings that fit the classes. Models without an MLP are not gated.
    """
    wanted_gates = _wanted("gate", gates, GATINGS, list(GATINGS), GATINGS)
    fitting = [training for training in TRAININGS if schema.classes == 2 or training not in BINARY_ONLY]
    wanted = _wanted("loss", trainings, TRAININGS, fitting, {*LOSSES, *TRAININGS})
    models = [name for name in expand(names, schema) if group_of(name) == "model"]
    gated = [f"{model}{GATE}{gate}" for model in models if can_be_gated(model) for gate in wanted_gates]
    trained = [f"{model}{TRAINING}{training}" for model in (*models, *gated) for training in wanted]
    return [*names, *gated, *trained]


def _wanted(
    option: str, given: Iterable[str], known: Iterable[str], every: Sequence[str], accepted: Iterable[str]
) -> list[str]:
    """Names of an option, ``all`` written out; accepted names that are not known change nothing about a model."""
    names = [name for name in given if name]
    if unknown := [name for name in names if name not in ("all", *accepted)]:
        raise InputError(f"{option} {unknown[0]!r} is unknown{nearest(unknown[0], ['all', *accepted])}")
    return list(every) if "all" in names else [name for name in names if name in known]


def can_be_gated(model: str) -> bool:
    """True for a model that always has an MLP, as far as that is known: not of one's own ones."""
    hidden = arguments(METHODS[model].kind).get("hidden_dims") if model in METHODS else None
    return ":" in model or (hidden is not None and bool(hidden.default))


def group_of(name: str) -> str:
    """The group of a name; names that the catalogue does not know are models."""
    whole = parts(name)
    known = METHODS[whole.model].group if whole.model in METHODS else "model"
    varied = whole.gate in GATINGS or whole.training in EVERY_TRAINING
    return "variant" if varied and known == "model" else known


def models_among(names: Iterable[str]) -> list[str]:
    """What combinations are made of: the models, and the gated ones whose model is not there without its gate."""
    names = list(names)
    gated = [name for name in names if group_of(name) == "variant" and not parts(name).training]
    alone = {name for name in gated if not {*bases(name)} & {*names}}
    return [name for name in names if group_of(name) == "model" or name in alone]


def title_of(name: str) -> str:
    """How tables call a name; one that the catalogue does not know as it is."""
    whole = parts(name)
    title = METHODS[whole.model].title if whole.model in METHODS else whole.model
    if whole.gate in GATINGS:
        title += f" + {GATINGS[whole.gate].title}"
    return f"{title} + {EVERY_TRAINING[whole.training].title}" if whole.training in EVERY_TRAINING else title


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
    left_out = _left_out(wanted, schema)
    if refused := [name for name in outright if name in left_out]:
        raise InputError(f"method {refused[0]!r} needs {left_out[refused[0]]}")
    kept = [name for name in wanted if name not in left_out]
    if not kept:
        raise InputError(f"methods: {', '.join(given)} leaves nothing to train on this log")
    return sorted(kept, key=lambda name: STAGES.index(entry(name).group))


def _left_out(names: Iterable[str], schema: Schema) -> dict[str, str]:
    """What the log or the other methods do not allow, and what it needs."""
    names = list(names)
    models = models_among(names)
    has_user = schema.user_field is not None
    needs = {}
    for name in names:
        if entry(name).kind is MetaEmbedding and not (models and has_profile(schema)):
            needs[name] = "a model, and a category field of the user with fields of owner 'user' beside it"
        elif entry(name).kind is not MetaEmbedding and entry(name).made_of_models and len(models) < COMBINED_FROM:
            needs[name] = "two models among the methods"
        elif entry(name).kind in NEED_USERS and not has_user:
            needs[name] = "the schema to name its user and to have a category field of that column"
        elif entry(name).kind in NEED_BEHAVIOURS and not behaviours(schema):
            needs[name] = "a history of the kind 'sequence' that collects a category field"
        elif name == "mean-logit" and not schema.item and not has_user:
            needs[name] = "the schema to name its item, or to have a category field of its user"
    return needs
