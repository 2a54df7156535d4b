"""Methods by the names that the command line knows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from clickwise.configuration import arguments, check_options, find_class
from clickwise.errors import InputError, nearest
from clickwise.losses import BINARY_ONLY, LOSSES
from clickwise.methods.controllers import load_controller
from clickwise.methods.controls import GlobalRate, MeanLogit, Stacking, UniformAverage
from clickwise.methods.fine_tuning import FineTunedStacking, UserFineTuning
from clickwise.methods.hedge import HedgeMixture
from clickwise.methods.level_selectors import SampleLevelSelector, UserLevelSelector
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.method import Method
from clickwise.methods.simplified import SimplifiedMetaSelector
from clickwise.methods.trainings import CROSS_ENTROPY, TRAININGS, Training
from clickwise.methods.unseen import common_schema_of
from clickwise.models import FFM, FM, LR, NFM, PNN, AutoInt, DeepFM
from clickwise.nn.selector import Selector
from clickwise.schema import Schema

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """A method that the command line knows.

    Attributes:
        title: how tables call it.
        kind: its class: a model, a control, or a method made of trained models.
        group: ``model``; ``control`` (stands alone, without randomness); ``loss`` (a model trained on other losses, and
            held against itself); ``combination`` (a control made of the run's trained models); ``adaptive`` (made of
            them too, and held against the controls).
        options: of its constructor, in place of that one's defaults.
        of_best: made of the one model that is best on validation rows, not of all.
        family: group of the command line that it belongs to, besides ``controls`` and ``all``.
        training: how a model is trained.
    """

    title: str
    kind: Callable[..., nn.Module]
    group: str = "model"
    options: Options = field(default_factory=dict)
    of_best: bool = False
    family: str = ""
    training: Training = CROSS_ENTROPY

    @property
    def control(self) -> bool:
        """True for what adaptive methods are held against."""
        return self.group in ("control", "combination")

    @property
    def made_of_models(self) -> bool:
        """True for what needs trained models."""
        return self.group in ("combination", "adaptive")


# First order is exact for the rates of one step, and models that are trained already do not train.
OF_TRAINED: Options = {"pretrain": False, "second_order": False}


def _selector(title: str, kind: Callable[..., nn.Module], group: str = "adaptive", **options: Any) -> Entry:
    return Entry(title, kind, group, options, of_best=kind is UserFineTuning, family="selectors")


METHODS: dict[str, Entry] = {
    "global-rate": Entry("Global rate", GlobalRate, "control"),
    "mean-logit": Entry("User mean + item mean", MeanLogit, "control"),
    "lr": Entry("LR", LR),
    "fm": Entry("FM", FM),
    "ffm": Entry("FFM", FFM),
    "deepfm": Entry("DeepFM", DeepFM),
    "pnn": Entry("PNN", PNN),
    "nfm": Entry("NFM", NFM),
    "autoint": Entry("AutoInt", AutoInt),
    "uniform-average": Entry("Uniform average", UniformAverage, "combination"),
    "stacking": Entry("Global stacking", Stacking, "combination"),
    "stacking-fine-tuned": _selector("Stacking of fine-tuned models", FineTunedStacking, "combination"),
    "user-fine-tuning": _selector("Best model fine-tuned per user", UserFineTuning, "combination"),
    "metaselector-shuffled": _selector(
        "MetaSelector, users shuffled", MetaSelector, "combination", **OF_TRAINED, shuffle_users=True
    ),
    "hedge": _selector("Per-user Hedge weights", HedgeMixture),
    "sample-selector": _selector("Sample-level selector", SampleLevelSelector),
    "user-selector": _selector("User-level selector", UserLevelSelector),
    "metaselector-simplified": _selector("MetaSelector-Simplified", SimplifiedMetaSelector, pretrain=False),
    "metaselector": _selector("MetaSelector", MetaSelector, **OF_TRAINED),
}
GROUPS = {
    "controls": [name for name, entry in METHODS.items() if entry.control and not entry.family],
    "selectors": [name for name, entry in METHODS.items() if entry.family == "selectors"],
    "all": list(METHODS),
}
STAGES = ("control", "model", "loss", "combination", "adaptive")
NEED_USERS = (HedgeMixture, UserFineTuning, MetaSelector, SimplifiedMetaSelector)
COMBINED_FROM = 2


def entry(name: str) -> Entry:
    """The entry of a name.

    ``package.module:Class`` names a model of one's own; ``MODEL+TRAINING`` a model trained on other losses.
    """
    model, training = split(name)
    if training:
        found = entry(model)
        if found.group != "model":
            raise InputError(f"method {name!r}: {model!r} does not learn by gradient steps on a loss of its own")
        if training not in TRAININGS:
            raise InputError(f"method {name!r}: training {training!r} is unknown{nearest(training, TRAININGS)}")
        return replace(found, title=title_of(name), group="loss", training=TRAININGS[training])
    if ":" in name:
        return Entry(name.partition(":")[2], find_class(name, trusted=[name.partition(":")[0]]))
    if name not in METHODS:
        raise InputError(f"method {name!r} is unknown{nearest(name, [*METHODS, *GROUPS])}")
    return METHODS[name]


def split(name: str) -> tuple[str, str]:
    """The model and the training of ``MODEL+TRAINING``; no training for another name."""
    model, _, training = name.partition("+")
    return model, training


def with_trainings(names: Sequence[str], trainings: Iterable[str], schema: Schema) -> list[str]:
    """``names``, and each of their models once more for each training (``all`` for all that fit the classes)."""
    wanted = [training for training in trainings if training and training != "cross_entropy"]
    if "all" in wanted:
        wanted = [training for training in TRAININGS if schema.classes == 2 or training not in BINARY_ONLY]
    if unknown := [training for training in wanted if training not in TRAININGS]:
        raise InputError(f"loss {unknown[0]!r} is unknown{nearest(unknown[0], ['all', *LOSSES, *TRAININGS])}")
    models = [name for name in expand(names, schema) if group_of(name) == "model"]
    return [*names, *(f"{model}+{training}" for model in models for training in wanted)]


def options_of(name: str, options: Mapping[str, Options]) -> Options:
    """The options given for a method; those given for a model hold for its trainings on other losses too."""
    model, training = split(name)
    inherited = {key: value for key, value in options.get(model, {}).items() if key != "loss"} if training else {}
    return {**inherited, **options.get(name, {})}


def group_of(name: str) -> str:
    """The group of a name; names that the catalogue does not know are models."""
    model, training = split(name)
    known = METHODS[model].group if model in METHODS else "model"
    return "loss" if training in TRAININGS and known == "model" else known


def title_of(name: str) -> str:
    """How tables call a name; one that the catalogue does not know as it is."""
    model, training = split(name)
    title = METHODS[model].title if model in METHODS else model
    return f"{title} + {TRAININGS[training].title}" if training in TRAININGS else title


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
    models = [name for name in names if entry(name).group == "model"]
    has_user = schema.user_field is not None
    needs = {}
    for name in names:
        if entry(name).made_of_models and len(models) < COMBINED_FROM:
            needs[name] = "two models among the methods"
        elif entry(name).kind in NEED_USERS and not has_user:
            needs[name] = "the schema to name its user and to have a category field of that column"
        elif name == "mean-logit" and not schema.item and not has_user:
            needs[name] = "the schema to name its item, or to have a category field of its user"
    return needs


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
    if found.group == "control":
        check_options(options, found.kind, name)
        return _made(name, found.kind, options, schema)  # type: ignore[return-value]
    of_model = [option for option in arguments(found.kind) if option not in ("schema", "self")]
    trainer = found.training.kind
    of_training = [option for option in arguments(trainer) if option != "model"]
    for option in options:
        if option not in (*of_model, *of_training):
            raise InputError(f"{name}: unknown option {option!r}{nearest(option, [*of_model, *of_training])}")
    model = _made(name, found.kind, {key: value for key, value in options.items() if key in of_model}, schema)
    given = {**found.training.options, **{key: value for key, value in options.items() if key in of_training}}
    if isinstance(given.get("controller"), str):
        given["controller"] = load_controller(given["controller"])
    return _made(name, trainer, given, model)  # type: ignore[return-value]


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
    return _made(name, found.kind, given, models[0] if found.of_best else models)  # type: ignore[return-value]


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
