"""A comparison made up for the tests: results and predictions of the contracted shape, with known numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

TITLES = {
    "global-rate": "Global rate",
    "stacking": "Global stacking",
    "lr": "LR",
    "fm": "FM",
    "deepfm": "DeepFM",
    "metaselector": "MetaSelector",
    "oracle": "Oracle",
}
AUCS = {
    "global-rate": 0.5,
    "stacking": 0.8156,
    "lr": 0.7914,
    "fm": 0.8052,
    "deepfm": 0.8131,
    "metaselector": 0.8172,
    "oracle": 0.8423,
}
BUCKETS = ((0, 0), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, None))


def metric(mean: float | None, half_width: float = 0.002) -> dict[str, float | None]:
    """A metric with its interval."""
    if mean is None:
        return {"mean": None, "low": None, "high": None}
    return {"mean": mean, "low": mean - half_width, "high": mean + half_width}


def method(name: str) -> dict[str, Any]:
    """One method of the results."""
    auc = AUCS[name]
    return {
        "title": TITLES[name],
        "control": name in ("global-rate", "stacking"),
        "auc": metric(auc),
        "gauc": metric(auc - 0.05),
        "logloss": metric(1.32 - auc, 0.003),
        "rig": metric(auc - 0.6),
        "rmse": metric(0.42),
        "ece": metric(0.0123),
        "pcoc": metric(1.021),
        "coverage": {"users": 0.9, "impressions": 0.97},
        "users_won": None
        if name == "oracle"
        else (auc - 0.45) / sum(a - 0.45 for n, a in AUCS.items() if n != "oracle"),
        "relaimpr": 100 * ((auc - 0.5) / (AUCS["deepfm"] - 0.5) - 1),
        "gap_closed": None if name in ("global-rate", "deepfm") else (auc - 0.8131) / (0.8423 - 0.8131),
        "cold_start": [
            {
                "from": low,
                "to": high,
                "rows": 1000 * (i + 1),
                "auc": auc - 0.05 + 0.006 * i + 0.002 * ((i * len(name)) % 3),
            }
            for i, (low, high) in enumerate(BUCKETS)
        ],
        "train_seconds": 90.0,
        "predict_seconds": 1.25,
        "peak_memory_bytes": 700 * 2**20,
        "epochs": [3, 4, 3],
        "parameters": 123456,
    }


def difference(name: str, which: str) -> dict[str, Any]:
    """One difference from DeepFM; MetaSelector's and those far away are larger than chance."""
    value = (AUCS[name] - AUCS["deepfm"]) * (1 if which == "auc" else -1)
    p = 0.0004 if abs(value) > 0.004 else 0.21
    ends = {"low": value - 0.0015, "high": value + 0.0015}
    return {
        "method": name,
        "reference": "deepfm",
        "metric": which,
        "difference": value,
        **ends,
        "p": p / 2,
        "p_corrected": p,
    }


def made_up_results() -> dict[str, Any]:
    """Results of seven methods, of which MetaSelector is best and DeepFM the best single model."""
    return {
        "format": "clickwise-results",
        "version": 1,
        "run": {
            "source": "synthetic",
            "split": "chronological",
            "split_leaks": "nothing: every test row is later than every training row",
            "seeds": [0, 1, 2],
            "options": {"epochs": 10, "embedding_dim": 16},
            "rows": {"train": 80000, "valid": 10000, "test": 4000},
            "users": 200,
            "click_rate": 0.3,
            "classes": 2,
            "clickwise": "0.1.0",
            "torch": "2.13.0",
            "platform": "Linux x86_64",
            "started": "2026-01-01T00:00:00Z",
            "wall_clock_seconds": 170.0,
            "command": "clickwise compare synthetic",
            "commit": None,
        },
        "methods": {name: method(name) for name in AUCS},
        "best_single": "deepfm",
        "differences": [
            difference(name, m) for m in ("auc", "logloss") for name in AUCS if name not in ("deepfm", "oracle")
        ],
    }


def predictions(results: dict[str, Any]) -> pl.DataFrame:
    """Test rows whose click probability is known; better methods add less noise to it."""
    rng = np.random.default_rng(7)
    run = results["run"]
    rows, classes = run["rows"]["test"], run["classes"]
    user = rng.integers(0, run["users"], rows)
    logits = rng.normal(-0.9 + 0.6 * np.sin(user), 1.2, rows)
    truth = 1 / (1 + np.exp(-logits))
    label = (rng.random(rows) < truth).astype(np.int32)
    columns: dict[str, Any] = {"row": np.arange(rows), "user": user, "time": np.arange(rows), "label": label}
    columns["earlier"] = np.arange(rows) // run["users"]
    for place, (name, m) in enumerate(results["methods"].items()):
        for seed in run["seeds"]:
            noise = rng.normal(0, 0.0 if name == "oracle" else 1.2 / (1 + place), rows)
            probability = np.full(rows, label.mean()) if m["auc"]["mean"] == 0.5 else 1 / (1 + np.exp(-logits - noise))
            if classes > 2:
                probability = np.column_stack([(1 - probability) / (classes - 1)] * (classes - 1) + [probability])
            columns[f"{name}@{seed}"] = probability.astype(np.float32)
    columns["bid"] = rng.random(rows).astype(np.float32)
    return pl.DataFrame(columns)


def write_to(folder: Path, results: dict[str, Any]) -> tuple[Path, Path, Path]:
    """Write results and fitting predictions; gives the paths of both and of the report to come."""
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    predictions(results).write_parquet(folder / "predictions.parquet")
    return folder / "results.json", folder / "predictions.parquet", folder / "report.html"


HOSTILE = "<script>alert('\N{WOMAN}\N{EMOJI MODIFIER FITZPATRICK TYPE-5} $x$')</script>"
LONG = "AVeryLongMethodNameWithoutAnySpaceThatNobodyShortened" * 2
LOSSES = ("cross_entropy", "focal", "hinge", "kl")


def everything() -> dict[str, Any]:
    """Results with all that a report can show: gates, losses, weights of models, newcomers, and names that hurt."""
    results = made_up_results()
    methods = results["methods"]
    controller = {
        "losses": list(LOSSES),
        "epochs": [1, 3, 6],
        "labels": ["no click", "click"],
        "weights": np.random.default_rng(0).dirichlet(np.ones(len(LOSSES)), (3, 2, 21)).tolist(),
    }
    more = {
        "deepfm~udg": ("DeepFM + UDG", 0.8141, {}),
        "deepfm+autoloss": ("DeepFM + AutoLoss", 0.8136, {"loss_weights": controller}),
        "deepfm~udg+autoloss": ("DeepFM + UDG + AutoLoss", 0.8142, {"loss_weights": controller}),
        "hostile": (HOSTILE, 0.8031, {"users_served_by_generator": 31}),
        "long": (LONG, 0.8029, {"users_without_support": 4}),
        "mean": ("User mean + item mean", 0.7312, {"control": True}),
        "wide": ("\u6a21\u578b" * 12, 0.8022, {}),
    }
    for name, (title, auc, facts) in more.items():
        methods[name] = {**method("deepfm"), "title": title, "auc": metric(auc), "gap_closed": -0.3, **facts}
        for which in ("auc", "logloss"):
            results["differences"].append({**difference("metaselector", which), "method": name})
    weights = {"LR": 0.2, "DeepFM + UDG + AutoLoss": 0.5, LONG: 0.3}
    methods["metaselector"] |= {
        "model_weights": {model: {"mean": weight, "highest": weight} for model, weight in weights.items()},
        "users_without_support": 12,
    }
    results["own_model_differences"] = [
        {**difference("fm", which), "method": name, "reference": "deepfm"}
        for name in ("deepfm~udg", "deepfm+autoloss", "deepfm~udg+autoloss")
        for which in ("auc", "logloss")
    ]
    results["run"] |= {
        "source": f"clicks {HOSTILE}.csv",
        "command": f"clickwise compare {'x' * 300}",
        "commit": "c0d3ef6",
    }
    return results


def write_everything(folder: Path) -> tuple[Path, Path, Path]:
    """Write ``everything``, with users whose names are emoji and markup."""
    paths, user = write_to(folder, everything()), pl.format(f"{HOSTILE} {{}}", "user").alias("user")
    pl.read_parquet(paths[1]).with_columns(user).write_parquet(paths[1])
    return paths
