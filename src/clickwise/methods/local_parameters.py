"""Which parameters of a network local training moves."""

from collections.abc import Sequence
from typing import cast

from torch import nn

from clickwise.errors import InputError, nearest


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
        named = getattr(network, "interaction_parameters", None)
        if named is None:
            raise InputError(
                f"{type(network).__name__} has no 'interaction_parameters()'; name in 'local' the modules that local "
                f"training moves, of {', '.join(dict(network.named_children()))}"
            )
        local = cast("Sequence[str]", tuple(named()))
    modules = [*names, *(name for name, _ in network.named_modules() if name)]
    for prefix in local:
        if not any(_within(name, prefix) for name in names):
            raise InputError(
                f"local {prefix!r}: {type(network).__name__} has no parameter of that name{nearest(prefix, modules)}"
            )
    found = tuple(name for name in names if any(_within(name, prefix) for prefix in local))
    if not found:
        raise InputError(f"{type(network).__name__} names no parameter for local training to move")
    return found


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
