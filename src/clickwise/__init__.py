"""Click-through-rate prediction that adapts.

Names are imported when first used, so that ``import clickwise`` costs nothing. What is not offered here is reached by
``clickwise.models``, ``clickwise.methods`` and ``clickwise.losses``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clickwise.version import __version__ as __version__

if TYPE_CHECKING:
    from clickwise import losses as losses
    from clickwise import methods as methods
    from clickwise import models as models
    from clickwise.comparison import Comparison as Comparison
    from clickwise.comparison import compare as compare
    from clickwise.comparison import evaluate as evaluate
    from clickwise.data.log import Batch as Batch
    from clickwise.data.log import ClickLog as ClickLog
    from clickwise.data.opening import load as load
    from clickwise.data.opening import read_log as read_log
    from clickwise.data.storage import PreparedLog as PreparedLog
    from clickwise.data.storage import open_prepared as open_prepared
    from clickwise.errors import InputError as InputError
    from clickwise.methods import MAMO as MAMO
    from clickwise.methods import AutoLoss as AutoLoss
    from clickwise.methods import HedgeMixture as HedgeMixture
    from clickwise.methods import MeLU as MeLU
    from clickwise.methods import MetaEmbedding as MetaEmbedding
    from clickwise.methods import MetaSelector as MetaSelector
    from clickwise.methods import Method as Method
    from clickwise.methods import RecurrentMeta as RecurrentMeta
    from clickwise.methods import SimplifiedMetaSelector as SimplifiedMetaSelector
    from clickwise.methods import Stacking as Stacking
    from clickwise.methods import Supervised as Supervised
    from clickwise.model_folder import TrainedModel as TrainedModel
    from clickwise.model_folder import load_model as load_model
    from clickwise.model_folder import save_model as save_model
    from clickwise.models.gated import UserDependentGating as UserDependentGating
    from clickwise.prediction import predict as predict
    from clickwise.schema import Field as Field
    from clickwise.schema import Schema as Schema
    from clickwise.training import fit as fit
    from clickwise.training import seeded as seeded

# Where a name is; a package of that name is offered itself.
_MODULES = {
    "AutoLoss": "methods",
    "Batch": "data.log",
    "ClickLog": "data.log",
    "Comparison": "comparison",
    "Field": "schema",
    "HedgeMixture": "methods",
    "InputError": "errors",
    "MAMO": "methods",
    "MeLU": "methods",
    "MetaEmbedding": "methods",
    "MetaSelector": "methods",
    "Method": "methods",
    "PreparedLog": "data.storage",
    "RecurrentMeta": "methods",
    "Schema": "schema",
    "SimplifiedMetaSelector": "methods",
    "Stacking": "methods",
    "Supervised": "methods",
    "TrainedModel": "model_folder",
    "UserDependentGating": "models.gated",
    "compare": "comparison",
    "evaluate": "comparison",
    "fit": "training",
    "load": "data.opening",
    "load_model": "model_folder",
    "losses": "losses",
    "methods": "methods",
    "models": "models",
    "open_prepared": "data.storage",
    "predict": "prediction",
    "read_log": "data.opening",
    "save_model": "model_folder",
    "seeded": "training",
}

__all__ = [*_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'clickwise' has no attribute {name!r}")
    module = import_module(f"clickwise.{_MODULES[name]}")
    value = module if _MODULES[name] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
