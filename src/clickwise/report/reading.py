"""Questions put to the results: names, order, differences, and the verdict in a sentence."""

from collections.abc import Mapping
from typing import Any

from clickwise.metrics.summary import ORACLE
from clickwise.report.wording import SIGNIFICANT, decimals, interval, p_value, percent

Results = Mapping[str, Any]
FEW_USERS = 30
NAMED = 3
"""Methods that a sentence names before it counts the others."""
FEW = "The test rows are of {users}: too few for intervals and p-values to speak of others."


def title(results: Results, name: str, joint: str = " ") -> str:
    """A method's title, with what it is in words: a control, or the oracle as an upper bound.

    ``joint`` stands between the two; after a line feed the words need no brackets.
    """
    method = results["methods"][name]
    mark = "upper bound" if name == ORACLE else "control" if method["control"] else ""
    if not mark:
        return str(method["title"])
    return f"{method['title']}{joint}{mark}" if joint == "\n" else f"{method['title']}{joint}({mark})"


def ranked(results: Results) -> list[str]:
    """All methods, highest AUC first, those without an AUC last; equal ones by name."""
    means = {name: method["auc"]["mean"] for name, method in results["methods"].items()}
    return sorted(means, key=lambda name: (means[name] is None, -(means[name] or 0.0), name))


def is_competitor(results: Results, name: str) -> bool:
    """True for what a user could choose for its own sake: neither a control nor the oracle."""
    return name != ORACLE and not results["methods"][name]["control"]


def difference(results: Results, name: str, metric: str) -> Mapping[str, Any] | None:
    """The comparison of a method with the best single model (method minus reference), or None where there is none."""
    for entry in results["differences"]:
        if (entry["method"], entry["reference"], entry["metric"]) == (name, results["best_single"], metric):
            return entry
    return None


def own_difference(results: Results, name: str, metric: str) -> Mapping[str, Any] | None:
    """The comparison of a model, gated or trained on another loss, with the same model without that, or None."""
    for entry in results.get("own_model_differences", ()):
        if (entry["method"], entry["metric"]) == (name, metric):
            found: Mapping[str, Any] = entry
            return found
    return None


def is_shown(entry: Mapping[str, Any] | None) -> bool:
    """True when a difference is larger than chance: its corrected p-value lies below 0.05."""
    return entry is not None and entry["p_corrected"] is not None and entry["p_corrected"] < SIGNIFICANT


def verdict(results: Results) -> str:
    """Which method is best, by how much over the best single model, and whether that is larger than chance."""
    users = results.get("test_users", FEW_USERS)
    doubt = "" if users >= FEW_USERS else FEW.format(users="one user" if users == 1 else f"{users} users")
    return " ".join(sentence for sentence in (_of_methods(results), doubt, _cut_short(results)) if sentence)


def _cut_short(results: Results) -> str:
    """Which methods were best on validation rows after their last epoch, and may not have come to their best."""
    most = results["run"].get("options", {}).get("epochs")
    found = [
        name for name, method in results["methods"].items() if method.get("epochs") and max(method["epochs"]) == most
    ]
    if not found:
        return ""
    shown = ", ".join(title(results, name) for name in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    epochs = "the only epoch" if most == 1 else f"the last of {most} epochs"
    return f"Still improving at {epochs}: {shown}{more}; compare them with more --epochs before you judge them."


def _of_methods(results: Results) -> str:
    order = [n for n in ranked(results) if n != ORACLE and results["methods"][n]["auc"]["mean"] is not None]
    if not order:
        return "No verdict: no method has an AUC on the test rows."
    winner, reference = order[0], results["best_single"]
    if reference is None:
        return f"{_with_auc(results, winner)} is highest, but no single model was trained to compare it with."
    if winner == reference:
        return _reference_leads(results, order)
    sentences = [_challenger_leads(results, order)]
    if results["methods"][winner]["control"]:
        sentences.append(_best_competitor(results, order))
    if is_shown(difference(results, winner, "auc")):
        sentences += [_logloss(results, winner), _gap(results, winner)]
    return " ".join(sentence for sentence in sentences if sentence)


def _reference_leads(results: Results, order: list[str]) -> str:
    leads = f"{_with_auc(results, order[0])}, the best single model, is best: nothing else is above it"
    if len(order) == 1:
        return f"{leads}, and nothing else was compared."
    entry = _tested(results, order[1], "auc")
    if entry is None:
        return f"{leads}; its lead over {title(results, order[1])} was not tested."
    if _is_level(entry):
        return f"{leads}; {title(results, order[1])} equals it to four decimals."
    size = decimals(abs(entry["difference"]))
    if is_shown(entry):
        next_best = title(results, order[1])
        return f"{leads}; the next, {next_best}, is {size} lower, more than chance would give ({_p(entry)})."
    return (
        f"{leads}, but its lead of {size} over {title(results, order[1])} is no larger than chance would give "
        f"({_p(entry)})."
    )


def _challenger_leads(results: Results, order: list[str]) -> str:
    winner, reference = order[0], results["best_single"]
    entry = _tested(results, winner, "auc")
    base = (
        f"the best single model, {title(results, reference)} ({decimals(results['methods'][reference]['auc']['mean'])})"
    )
    if entry is None:
        return f"{_with_auc(results, winner)} is highest; its lead over {base} was not tested."
    lead = f"{decimals(entry['difference'])}{_bracket(entry)}"
    if is_shown(entry) and entry["difference"] > 0:
        return f"{_with_auc(results, winner)} is best: {lead} above {base}, which is larger than chance ({_p(entry)})."
    chance = f"is no larger than chance would give ({_p(entry)})"
    for name in order[1:]:
        other = _tested(results, name, "auc")
        if other is not None and is_shown(other) and other["difference"] > 0:
            proven = f"the lead of {title(results, name)}, {decimals(other['difference'])}, is larger ({_p(other)})"
            return f"{_with_auc(results, winner)} is highest, but its lead of {lead} over {base} {chance}; {proven}."
    highest = f"{_with_auc(results, winner)} is highest, but its lead of {lead} {chance}."
    if _is_level(entry):
        highest = f"{_with_auc(results, winner)}, which is highest, equals it to four decimals."
    return f"No method is shown to be better than {base}: {highest}"


def _best_competitor(results: Results, order: list[str]) -> str:
    names = [name for name in order if is_competitor(results, name)]
    if not names or names[0] == results["best_single"]:
        return "The highest is a control: no method of another kind is above the best single model."
    entry = _tested(results, names[0], "auc")
    best = f"The highest is a control; the best method that is none, {title(results, names[0])}, "
    if entry is None:
        return f"{best}was not tested."
    chance = "larger than chance" if is_shown(entry) else "no larger than chance would give"
    return f"{best}stands {entry['difference']:+.4f} from the best single model, {chance} ({_p(entry)})."


def _logloss(results: Results, winner: str) -> str:
    entry = _tested(results, winner, "logloss")
    if entry is None or not is_shown(entry):
        return "Its LogLoss differs by no more than chance would give." if entry is not None else ""
    direction = "lower, which is better" if entry["difference"] < 0 else "higher, which is worse"
    return f"Its LogLoss is {decimals(abs(entry['difference']))} {direction} ({_p(entry)})."


def _gap(results: Results, winner: str) -> str:
    share = results["methods"][winner]["gap_closed"]
    return (
        ""
        if share is None
        else f"It closes {percent(share, 0)} of the gap between the best single model and the oracle."
    )


def _with_auc(results: Results, name: str) -> str:
    return f"{title(results, name)} (AUC {decimals(results['methods'][name]['auc']['mean'])})"


def _is_level(entry: Mapping[str, Any]) -> bool:
    """True where a difference would be told as 0.0000, for example of stacking that gives one model all weight."""
    return float(decimals(abs(entry["difference"]))) == 0


def _bracket(entry: Mapping[str, Any]) -> str:
    between = interval(entry)
    return f" {between}" if between else ""


def _p(entry: Mapping[str, Any]) -> str:
    return f"corrected {p_value(entry['p_corrected'])}"


def _tested(results: Results, name: str, metric: str) -> Mapping[str, Any] | None:
    entry = difference(results, name, metric)
    return None if entry is None or entry["p_corrected"] is None else entry
