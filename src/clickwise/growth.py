"""A comparison may grow: methods and seeds are added to those of a folder, whose finished runs stay what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clickwise.errors import InputError
from clickwise.methods.building import options_of
from clickwise.methods.catalogue import made_of

GROWS = ("methods", "seeds", "options")
"""Of a comparison's plan: what may be more than it was."""


def is_to_grow(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a comparison is wanted with more, or something else, than the plan in its folder says."""
    return any(found.get(key) != wanted[key] for key in GROWS)


def require_growth(out: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise where a comparison would be another one, and not the one in its folder with more beside it.

    Args:
        out: folder of the comparison.
        found: the plan that stands there; all but ``GROWS`` has been seen to be as wanted.
        wanted: the plan to go on with.

    Raises:
        InputError: a method or seed would be left out, have other options, or be made of other models.
    """
    before, after = found.get("methods"), wanted["methods"]
    seeds, options = found.get("seeds"), found.get("options")
    if not (isinstance(before, list) and isinstance(seeds, int) and isinstance(options, dict)):
        raise InputError(f"{out}: its plan is damaged; name another --out")
    if lost := [name for name in before if name not in after]:
        raise InputError(f"{out}: holds {lost[0]!r} too; name it among --methods as well, or name another --out")
    if seeds > wanted["seeds"]:
        raise InputError(f"{out}: holds {seeds} seeds; give --seeds {seeds} or more, or name another --out")
    for name in before:
        if options_of(name, options) != options_of(name, wanted["options"]):
            raise InputError(
                f"{out}: {name!r} was started with another 'options'; resume with the same, or name another --out"
            )
        if more := [other for other in made_of(name, after) if other not in made_of(name, before)]:
            raise InputError(
                f"{out}: {name!r} is made of all models of a comparison and would be another with {more[0]!r}; "
                "name another --out"
            )
