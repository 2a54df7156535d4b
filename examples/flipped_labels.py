"""Does AutoLoss discount flipped labels? On a log whose labels are flipped in one traffic channel, which is known.

Validation and test rows are those outside that channel, so their labels are sound. Prints AUC and LogLoss of a model
trained on cross-entropy and with AutoLoss, the paired difference by user, and how well the weight of each candidate
loss tells flipped training examples of that channel from the others (area under the ROC curve; 0.5 is chance).

    python examples/flipped_labels.py --noise 0.16 --seeds 3
"""

import argparse
import warnings

import numpy as np
import polars as pl
import torch

import clickwise as cw
from clickwise.data.log import ClickLog
from clickwise.data.vocabulary import globalise
from clickwise.metrics.pointwise import auc
from clickwise.metrics.summary import differences, summarise

TRAINING = {"batch_size": 500, "learning_rate": 1e-3}


def outside(log: ClickLog, channel: int) -> ClickLog:
    """The rows of other channels."""
    column = log.schema.slots("channel").start
    return log.take(np.flatnonzero(log.ids[:, column] != channel))


def flawed_channel(log: cw.PreparedLog) -> int:
    """The id of the channel in which labels are flipped."""
    code = log.encoder.vocabularies["channel"].encode(pl.Series(["partner"]))
    return int(globalise(code, log.schema.offsets["channel"])[0])


def told_apart(method: cw.AutoLoss, train: ClickLog, channel: int) -> np.ndarray:
    """Area under the ROC curve of each loss's weight against the flips, in the flawed channel."""
    rows = train.take(np.flatnonzero(train.ids[:, train.schema.slots("channel").start] == channel))
    with torch.no_grad():
        probability = torch.from_numpy(cw.predict(method, rows))
        weights = method.controller(probability, torch.from_numpy(rows.label.copy())).exp().numpy()
    return np.array([auc(rows.extras["flipped"].astype(int), weight) for weight in weights.T])


def main() -> None:
    """Generate, train, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noise", type=float, default=0.16, help="share of all labels that are flipped")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--impressions", type=int, default=80_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--update-every", type=int, default=2)
    given = parser.parse_args()
    log = cw.load(
        "synthetic", users=given.users, items=given.items, impressions=given.impressions, noise=given.noise,
        split="chronological-per-user",
    )  # fmt: skip
    channel = flawed_channel(log)
    valid, test = outside(log.valid, channel), outside(log.test, channel)
    predictions: dict[str, list[np.ndarray]] = {"cross-entropy": [], "AutoLoss": []}
    areas = []
    for seed in range(given.seeds):
        for name, made in predictions.items():
            with cw.seeded(seed):
                model = cw.models.DeepFM(log.schema, 8, (64, 64))
                method = (
                    cw.AutoLoss(model, update_every=given.update_every, **TRAINING)
                    if name == "AutoLoss"
                    else cw.Supervised(model, **TRAINING)
                )
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "AutoLoss")  # where it pays, weights may collapse
                cw.fit(method, log.train, valid, epochs=given.epochs, patience=3, seed=seed)
            made.append(cw.predict(method, test))
            if isinstance(method, cw.AutoLoss) and given.noise:
                areas.append(told_apart(method, log.train, channel))
    for name, values in summarise(test.label, test.user, predictions).items():
        print(f"{name}: AUC {values['auc']['mean']:.4f}, LogLoss {values['logloss']['mean']:.4f}")
    for row in differences(test.label, test.user, predictions, "cross-entropy"):
        print(f"difference in {row['metric']}: {row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]")
    if areas:
        named = zip(method.losses, np.mean(areas, axis=0), strict=True)
        print("flips told apart by the weight of:", ", ".join(f"{name} {area:.2f}" for name, area in named))


if __name__ == "__main__":
    main()
