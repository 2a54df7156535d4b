"""Which parameters of a network local training moves."""

from collections.abc import Sequence
from typing import cast

from torch import nn

from clickwise.errors import InputError, nearest
from clickwise.models.gated import UserDependentGating


def local_parameters(network: nn.Module, local: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the parameters that local training moves, in the network's order.

    Args:
        network: the network.
        local: names of parameters or of modules; what ``network.interaction_parameters()`` names where empty.

    Raises:
        InputError: a name that the network has no parameter of, or none given and the network names none.
    """
    names = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    if not local:
        named = getattr(network, "interaction_parameters", tuple)  # a network of one's own may have none
        local = cast("Sequence[str]", tuple(named()))
        if not local:
            raise InputError(
                f"{type(network).__name__} has no interaction layers; name in 'local' the modules that local training "
                f"moves, of {', '.join(dict(network.named_children()))}"
            )
    modules = [*names, *(name for name, _ in network.named_modules() if name)]
    for prefix in local:
        if not any(_within(network, name, prefix) for name in names):
            raise InputError(
                f"local {prefix!r}: {type(network).__name__} has no parameter of that name{nearest(prefix, modules)}"
            )
    return tuple(name for name in names if any(_within(network, name, prefix) for prefix in local))


def _within(network: nn.Module, name: str, prefix: str) -> bool:
    """Whether a parameter is of the module ``prefix``; a gated model's own modules go by their own names too."""
    names = [name, name.removeprefix("model.")] if isinstance(network, UserDependentGating) else [name]
    return any(each == prefix or each.startswith(f"{prefix}.") for each in names)
