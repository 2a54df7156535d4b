"""Click-through-rate prediction that adapts.

Names are imported when first used, so that ``import clickwise`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clickwise.version import __version__

if TYPE_CHECKING:
    from clickwise import models
    from clickwise.comparison import Comparison, compare, evaluate
    from clickwise.data.log import Batch, ClickLog
    from clickwise.data.opening import load, read_log
    from clickwise.data.storage import PreparedLog, open_prepared
    from clickwise.errors import InputError
    from clickwise.methods import (
        MAMO,
        AutoLoss,
        ConstantController,
        Controller,
        FineTunedStacking,
        FixedWeights,
        GlobalRate,
        HedgeMixture,
        MeanLogit,
        MeLU,
        MetaEmbedding,
        MetaSelector,
        Method,
        RecurrentMeta,
        SampleLevelSelector,
        SearchedWeights,
        Selector,
        SequentialMeta,
        SimplifiedMetaSelector,
        Stacking,
        Supervised,
        UniformAverage,
        UserFineTuning,
        UserLevelSelector,
        load_controller,
        save_controller,
    )
    from clickwise.model_folder import TrainedModel, load_model, save_model
    from clickwise.models.gated import UserDependentGating
    from clickwise.prediction import predict
    from clickwise.schema import Field, Schema
    from clickwise.training import fit, seeded

_MODULES = {
    "MAMO": "methods",
    "MeLU": "methods",
    "RecurrentMeta": "methods",
    "SequentialMeta": "methods",
    "AutoLoss": "methods",
    "Batch": "data.log",
    "ClickLog": "data.log",
    "Comparison": "comparison",
    "ConstantController": "methods",
    "Controller": "methods",
    "Field": "schema",
    "FineTunedStacking": "methods",
    "FixedWeights": "methods",
    "GlobalRate": "methods",
    "HedgeMixture": "methods",
    "InputError": "errors",
    "MeanLogit": "methods",
    "MetaEmbedding": "methods",
    "MetaSelector": "methods",
    "Method": "methods",
    "PreparedLog": "data.storage",
    "SampleLevelSelector": "methods",
    "Schema": "schema",
    "SearchedWeights": "methods",
    "Selector": "methods",
    "SimplifiedMetaSelector": "methods",
    "Stacking": "methods",
    "Supervised": "methods",
    "TrainedModel": "model_folder",
    "UniformAverage": "methods",
    "UserDependentGating": "models.gated",
    "UserFineTuning": "methods",
    "UserLevelSelector": "methods",
    "compare": "comparison",
    "evaluate": "comparison",
    "fit": "training",
    "load": "data.opening",
    "load_controller": "methods",
    "load_model": "model_folder",
    "models": "",
    "open_prepared": "data.storage",
    "predict": "prediction",
    "read_log": "data.opening",
    "save_controller": "methods",
    "save_model": "model_folder",
    "seeded": "training",
}

__all__ = [
    "MAMO",
    "AutoLoss",
    "Batch",
    "ClickLog",
    "Comparison",
    "ConstantController",
    "Controller",
    "Field",
    "FineTunedStacking",
    "FixedWeights",
    "GlobalRate",
    "HedgeMixture",
    "InputError",
    "MeLU",
    "MeanLogit",
    "MetaEmbedding",
    "MetaSelector",
    "Method",
    "PreparedLog",
    "RecurrentMeta",
    "SampleLevelSelector",
    "Schema",
    "SearchedWeights",
    "Selector",
    "SequentialMeta",
    "SimplifiedMetaSelector",
    "Stacking",
    "Supervised",
    "TrainedModel",
    "UniformAverage",
    "UserDependentGating",
    "UserFineTuning",
    "UserLevelSelector",
    "__version__",
    "compare",
    "evaluate",
    "fit",
    "load",
    "load_controller",
    "load_model",
    "models",
    "open_prepared",
    "predict",
    "read_log",
    "save_controller",
    "save_model",
    "seeded",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'clickwise' has no attribute {name!r}")
    module = _MODULES[name]
    value = import_module(f"clickwise.{module}") if module else None
    value = getattr(value, name) if module else import_module(f"clickwise.{name}")
    globals()[name] = value
    return value
