"""A model with and without gates: values beside the published ones, and which gains stand above the controls."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import Comparison, title
from clickwise.methods.names import parts
from clickwise.metrics.summary import Replicates
from clickwise.report.wording import p_value, signed
from clickwise.reproduce.against import Rows, SeedValues, is_gain
from clickwise.reproduce.udg.published import CONTROLS, UDG, row
from clickwise.reproduce.udg.published import Rows as Published

BASE = "base"
METRICS = ("auc", "logloss", "rmse", "rig", "ece", "pcoc")
TESTS = {"users": "p_corrected", "seeds": "p_seeds"}
COSTS = ("parameters", "train_seconds", "predict_seconds")


def gate_rows(
    comparison: Comparison, models: Sequence[str], gates: Sequence[str], published: Published, replicates: int
) -> list[dict[str, Any]]:
    """One entry a model and gate, in that order.

    ``against`` holds, by reference and metric, the paired difference under a bootstrap of the users and ``p_seeds``,
    Welch's t-test over the seeds. The reference ``base`` is the model without a gate, and ``p_corrected`` is Holm's
    over all gated rows of the model; UDG is held against each control too, alone, as it has to beat them all.

    Args:
        comparison: has the rows of all models and gates, the models themselves among them.
        models, gates: see ``clickwise.reproduce.udg.published.row``; the empty gate is the model itself.
        published: values by row.
        replicates: bootstrap resamples of the users.
    """
    rows = Rows.of(comparison)
    drawn, seeds = rows.draw(replicates), rows.seeds()
    return [
        _entry(comparison, model, gate, published, seeds, found)
        for model in models
        for found in [_against(rows, model, drawn, seeds)]
        for gate in gates
    ]


def _against(rows: Rows, model: str, drawn: Replicates, seeds: SeedValues) -> dict[str, dict[str, Any]]:
    """Differences by row and reference: all rows of a model to the model, and UDG to each control that is there."""
    own = [name for name in rows.predictions if parts(name).model == model and name != model]
    pairs = [(BASE, model, own)]
    if row(model, UDG) in own:
        pairs += [(gate, row(model, gate), [row(model, UDG)]) for gate in CONTROLS if row(model, gate) in own]
    found: dict[str, dict[str, Any]] = {}
    for reference, first, others in pairs:
        for name, told in rows.minus(others, first, drawn, seeds).items():
            found.setdefault(name, {})[reference] = told
    return found


def _entry(
    comparison: Comparison,
    model: str,
    gate: str,
    published: Published,
    seeds: SeedValues,
    against: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    name = row(model, gate)
    values = comparison.results["methods"][name]
    told, of_base = published.get(name), published.get(model)
    return {
        "model": model,
        "gate": gate,
        "method": name,
        "title": title(name),
        "published": told,
        "published_gain": None if told is None or of_base is None or not gate else told["auc"] - of_base["auc"],
        **{metric: values[metric] for metric in METRICS},
        "seeds": dict(seeds[name]),
        **{key: values[key] for key in COSTS},
        "against": dict(against.get(name, {})),
    }


def survives(entry: Mapping[str, Any], test: str) -> bool:
    """True where UDG beats its base model and every control in AUC, each by the test, ``users`` or ``seeds``."""
    against = entry["against"]
    return set(against) == {BASE, *CONTROLS} and all(is_gain(one["auc"], TESTS[test]) for one in against.values())


def verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which gains of UDG survive: a sentence a model, and one over all of them."""
    gated = [one for one in rows if one["gate"] == UDG]
    sentences = []
    for one in gated:
        minus = [f"{_called(name, one['model'])} {_tested(found)}" for name, found in one["against"].items()]
        survival = f"survives over users: {_answer(one, 'users')}, over seeds: {_answer(one, 'seeds')}"
        sentences.append(f"{title(one['model'])}: AUC with UDG minus {', '.join(minus)}; {survival}.")
    for test, name in (("users", "the bootstrap of users"), ("seeds", "Welch's test over seeds")):
        kept = [title(one["model"]) for one in gated if survives(one, test)]
        listed = ", ".join(kept) or "none"
        sentences.append(f"Gains that survive {name} and stand above both controls, of {len(gated)} models: {listed}.")
    if gated and len(gated[0]["seeds"]["auc"]) < 2:
        sentences.append("One seed allows no test over seeds, so no gain can survive there; give --seeds 3 or more.")
    return sentences


def _called(reference: str, model: str) -> str:
    return "the base model" if reference == BASE else title(row(model, reference)).removeprefix(f"{title(model)} + ")


def _tested(found: Mapping[str, Any]) -> str:
    auc = found["auc"]
    return f"{signed(auc['difference'])} (users {p_value(auc['p_corrected'])}; seeds {p_value(auc['p_seeds'])})"


def _answer(entry: Mapping[str, Any], test: str) -> str:
    return "yes" if survives(entry, test) else "no"
