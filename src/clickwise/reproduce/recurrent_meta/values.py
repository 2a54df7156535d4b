"""From the runs of the published protocol to values: AUC with its standard error, and what it has over the control."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.data.cold_start import GeneralisedColdStart
from clickwise.metrics.pointwise import auc, logloss
from clickwise.metrics.significance import holm
from clickwise.report.wording import SIGNIFICANT, decimals, p_value, signed
from clickwise.reproduce.against import is_gain
from clickwise.reproduce.recurrent_meta.errors import components, difference, standard_error
from clickwise.reproduce.recurrent_meta.published import OURS, Rows
from clickwise.reproduce.recurrent_meta.rows import BILEVEL, CONTROL, ROWS
from clickwise.reproduce.recurrent_meta.runs import BEFORE, STAGES, Outcome

Outcomes = Mapping[tuple[str, str], Sequence[Outcome]]


def values(found: GeneralisedColdStart, outcomes: Outcomes, published: Rows) -> list[dict[str, Any]]:
    """One entry a subset, stage and row, in that order.

    ``against`` is the AUC minus that of the control on the same rows, with DeLong's standard error and p, and
    ``p_corrected`` (Holm) over the rows of the subset and stage. Nothing here speaks for other seeds than those run;
    ``seeds`` has the values of each.

    Raises:
        InputError: the test rows have too few of a label.
    """
    entries = []
    for subset, rows in found.subsets.items():
        names = [name for of_subset, name in outcomes if of_subset == subset]
        for stage, called in enumerate(STAGES):
            said = {name: [one.predictions[stage] for one in outcomes[subset, name]] for name in names}
            clicked = rows.test.label >= rows.test.schema.click_from
            parts = {name: components(clicked, each) for name, each in said.items()}
            tested = [name for name in names if name != CONTROL]
            against = {name: difference(parts[name], parts[CONTROL]) for name in tested}
            corrected = holm([np.nan if one["p"] is None else one["p"] for one in against.values()])
            for name, p in zip(tested, corrected, strict=True):
                against[name]["p_corrected"] = None if np.isnan(p) else float(p)
            for name in names:
                runs = outcomes[subset, name]
                each = [{"auc": auc(rows.test.label, p), "logloss": logloss(rows.test.label, p)} for p in said[name]]
                totals = np.array([one.totals[stage] for one in runs])
                told = published.get(name, {}).get((subset, called))
                entries.append(
                    {
                        "subset": subset,
                        "row": name,
                        "title": ROWS[name].title,
                        "stage": called,
                        "published": None if told is None else {"loss": told[0], "auc": told[1]},
                        "auc": float(np.mean([one["auc"] for one in each])),
                        "standard_error": standard_error(parts[name]),
                        "logloss": float(np.mean([one["logloss"] for one in each])),
                        "total_loss": None if np.isnan(totals).any() else float(totals.mean()),
                        "against": against.get(name),
                        "seeds": each,
                        "train_seconds": float(np.mean([one.seconds for one in runs])),
                        "test_rows": len(rows.test),
                    }
                )
    return entries


def of(entries: Sequence[Mapping[str, Any]], subset: str, name: str, stage: str) -> Mapping[str, Any]:
    """The entry of a subset, row and stage."""
    return next(one for one in entries if (one["subset"], one["row"], one["stage"]) == (subset, name, stage))


def verdict(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the last stage says, a sentence or two a subset: who is best, who beats the control, what ours gained."""
    sentences, last = [], STAGES[-1]
    for subset in dict.fromkeys(one["subset"] for one in entries):
        own = [one for one in entries if (one["subset"], one["stage"]) == (subset, last)]
        best = max(own, key=lambda one: one["auc"])
        control = of(entries, subset, CONTROL, last)
        beat = [one["title"] for one in own if one["against"] and is_gain(one["against"], "p_corrected")]
        tested = len(own) - 1
        sentences.append(
            f"{subset}, {own[0]['test_rows']:,} test rows, after {last}: best AUC {best['title']} "
            f"{decimals(best['auc'])}; {control['title']} {decimals(control['auc'])} (standard error "
            f"{decimals(control['standard_error'])}); above it with p < {SIGNIFICANT} corrected, of {tested} rows: "
            f"{', '.join(beat) or 'none'}."
        )
        for name in (OURS, BILEVEL):
            if any(one["row"] == name for one in own):
                first, after = of(entries, subset, name, BEFORE), of(entries, subset, name, last)
                gained = after["against"]
                sentences.append(
                    f"{subset}, {after['title']}: AUC {decimals(first['auc'])} before fine-tuning, "
                    f"{decimals(after['auc'])} after {last}; minus the control {signed(gained['difference'])} "
                    f"({p_value(gained['p_corrected'])})."
                )
    return sentences
