"""Names of the command line: what they stand for, groups of them, and what a log allows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from torch import nn

from clickwise.configuration import find_class
from clickwise.errors import InputError, nearest
from clickwise.losses import BINARY_ONLY, LOSSES
from clickwise.methods.entries import (
    GROUPS,
    METHODS,
    NEED_BEHAVIOURS,
    NEED_PROFILES,
    NEED_USERS,
    STAGES,
    Entry,
)
from clickwise.methods.gatings import GATINGS
from clickwise.methods.names import GATE, TRAINING, Name, bases, parts
from clickwise.methods.trainings import CROSS_ENTROPY, EVERY_TRAINING, META_TRAININGS, TRAININGS
from clickwise.models.gated import cannot_be_gated
from clickwise.nn.behaviours import behaviours
from clickwise.nn.generator import has_profile
from clickwise.schema import USER_FIELD, Schema

MODEL_NAME = "MODEL[~GATE][+LOSS][+META]"


def entry(name: str) -> Entry:
    """The entry of a name.

    ``package.module:Class`` names a model of one's own; ``MODEL~GATE+LOSS+META`` a model gated, trained on other
    losses or meta-trained; ``METHOD(MODEL,...)`` a method made of just these models.

    Args:
        name: of a method, of any form above.
    """
    whole = parts(name)
    if whole.candidates:
        return _of_candidates(name, whole)
    if whole.gate or whole.trainings:
        return _variant(name, whole)
    if ":" in name:
        return Entry(name.partition(":")[2], _of_ones_own(name))
    if name in GROUPS:
        raise InputError(f"{name!r} is a group of methods and one is wanted here, for example {GROUPS[name][0]!r}")
    if name not in METHODS:
        raise InputError(f"method {name!r} is unknown{nearest(name, METHODS)}")
    return METHODS[name]


def _of_ones_own(name: str) -> type[nn.Module]:
    kind = find_class(name, trusted=[name.partition(":")[0]])
    if not issubclass(kind, nn.Module):
        raise InputError(f"method {name!r}: the class is no torch.nn.Module; a model maps a Batch to logits")
    return kind


def _of_candidates(name: str, whole: Name) -> Entry:
    found = entry(whole.model)
    if not found.made_of_models:
        raise InputError(f"method {name!r}: {whole.model!r} is not made of other models; leave the parentheses out")
    for candidate in whole.candidates:
        if entry(candidate).group not in ("model", "variant"):
            raise InputError(f"method {name!r}: {candidate!r} is no model; name models, gated or trained as you like")
    if len({*whole.candidates}) < max(found.least, len(whole.candidates)):
        raise InputError(f"method {name!r} needs {found.least} models or more in parentheses, each once")
    return replace(found, title=title_of(name), candidates=whole.candidates)


def _variant(name: str, whole: Name) -> Entry:
    found = entry(whole.model)
    if found.group != "model":
        raise InputError(f"method {name!r}: {whole.model!r} does not learn by gradient steps on a loss of its own")
    if whole.gate and whole.gate not in GATINGS:
        raise InputError(f"method {name!r}: gate {whole.gate!r} is unknown{nearest(whole.gate, GATINGS)}")
    for training in whole.trainings:
        if training not in EVERY_TRAINING:
            raise InputError(f"method {name!r}: training {training!r} is unknown{nearest(training, EVERY_TRAINING)}")
    if len(whole.trainings) > 1 and [training in META_TRAININGS for training in whole.trainings] != [False, True]:
        raise InputError(f"method {name!r}: a model takes one loss and then one meta-training, {MODEL_NAME}")
    gating = GATINGS[whole.gate] if whole.gate else None
    trainings = [EVERY_TRAINING[training] for training in whole.trainings]
    if not whole.trainings or whole.trainings[0] in META_TRAININGS:
        trainings = [CROSS_ENTROPY, *trainings]  # what is meta-trained has a training of its own, with its options
    return replace(found, title=title_of(name), group="variant", gating=gating, trainings=trainings)


def with_variants(names: Sequence[str], gates: Iterable[str], trainings: Iterable[str], schema: Schema) -> list[str]:
    """``names``, and each of their models once more for each gate, and then for each training.

    ``all`` stands for all gates, or for all trainings that fit the classes. Models without an MLP are not gated, where
    another one is.

    Args:
        names: methods.
        gates: names of gatings, or ``all``.
        trainings: names of trainings, or ``all``.
        schema: of the log; its classes say which losses fit.

    Raises:
        InputError: a name that is not known, or a gate where no model can be gated.
    """
    wanted_gates = _wanted("gate", gates, GATINGS, list(GATINGS), GATINGS)
    fitting = [training for training in TRAININGS if schema.classes == 2 or training not in BINARY_ONLY]
    wanted = _wanted("loss", trainings, TRAININGS, fitting, {*LOSSES, *TRAININGS})
    models = [name for name in expand(names, schema) if group_of(name) == "model"]
    gated = [f"{model}{GATE}{gate}" for model in models if can_be_gated(model) for gate in wanted_gates]
    if wanted_gates and not gated:
        why = cannot_be_gated([title_of(model) for model in models]) if models else "no model to gate is named"
        raise InputError(f"gate {wanted_gates[0]!r}, methods {', '.join(names)}: {why}")
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
    return ":" in model or (model in METHODS and getattr(METHODS[model].kind, "has_mlp", False))


def group_of(name: str) -> str:
    """The group of a name; names that the catalogue does not know are models."""
    whole = parts(name)
    known = METHODS[whole.model].group if whole.model in METHODS else "model"
    varied = whole.gate in GATINGS or {*whole.trainings} & {*EVERY_TRAINING}
    return "variant" if varied and known == "model" else known


def models_among(names: Iterable[str]) -> list[str]:
    """What combinations are made of: the models, and the gated ones whose model is not there without its gate."""
    names = list(names)
    gated = [name for name in names if group_of(name) == "variant" and not parts(name).trainings]
    alone = {name for name in gated if not {*bases(name)} & {*names}}
    return [name for name in names if group_of(name) == "model" or name in alone]


def made_of(name: str, names: Iterable[str]) -> list[str]:
    """The models that a method is made of, among the methods of a comparison."""
    found = entry(name)
    return list(found.candidates or models_among(names)) if found.made_of_models else []


def title_of(name: str) -> str:
    """How tables call a name; one that the catalogue does not know as it is."""
    whole = parts(name)
    title = METHODS[whole.model].title if whole.model in METHODS else whole.model
    if whole.candidates:
        title += f" ({', '.join(title_of(candidate) for candidate in whole.candidates)})"
    added = [GATINGS[whole.gate].title] if whole.gate in GATINGS else []
    added += [EVERY_TRAINING[training].title for training in whole.trainings if training in EVERY_TRAINING]
    return " + ".join([title, *added])


def expand(names: Iterable[str], schema: Schema) -> list[str]:
    """Method names with groups written out, each once, combinations last and with their candidates before them.

    A group leaves out what the log does not allow: combinations of fewer than two models, the mean logit without
    user and item. Named outright, those are errors.

    Args:
        names: methods and groups of them.
        schema: of the log.
    """
    given = [name for name in names if name]
    if not given:
        raise InputError(f"methods: name at least one of {', '.join([*METHODS, *GROUPS])}")
    grouped = [name for group in given for name in GROUPS.get(group, [])]
    outright = [name for name in given if name not in GROUPS]
    for name in outright:
        if name == parts(name).model and ":" not in name and name not in METHODS:
            raise InputError(f"method {name!r} is unknown{nearest(name, [*METHODS, *GROUPS])}")
    candidates = [candidate for name in outright for candidate in entry(name).candidates]
    wanted = dict.fromkeys([*grouped, *outright, *candidates])
    left_out = _left_out(wanted, schema)
    if refused := [name for name in (*outright, *candidates) if name in left_out]:
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
        found = entry(name)
        if found.made_of_models and len(found.candidates or models) < found.least:
            needs[name] = "two models among the methods" if found.least > 1 else "a model among the methods"
        elif found.kind in NEED_PROFILES and not has_profile(schema):
            needs[name] = "a category field of the user with fields of owner 'user' beside it"
        elif found.kind in NEED_USERS and not has_user:
            needs[name] = USER_FIELD
        elif found.kind in NEED_BEHAVIOURS and not behaviours(schema):
            needs[name] = "a history of the kind 'sequence' that collects a category field"
        elif name == "mean-logit" and not schema.item and not has_user:
            needs[name] = "the schema to name its item, or to have a category field of its user"
    return needs
