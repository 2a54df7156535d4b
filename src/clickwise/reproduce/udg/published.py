"""What the UDG paper compares, and the numbers that it publishes, by data set and row."""

from collections.abc import Mapping, Sequence

from clickwise.methods.names import Name

MODELS = ("pnn", "deepfm", "wide-deep", "din", "dien")
UDG, DOUBLED = "udg", "doubled"
SHUFFLED, NO_USER = "udg-shuffled", "udg-no-user"
CONTROLS = (DOUBLED, SHUFFLED)
"""What a gain must stand above: as many parameters and more, and the gates of other users."""
TABLE = ("", UDG, *CONTROLS, NO_USER)
SHOWN, TESTED = "pnn", "deepfm"
"""The models of Figures 3 and 4, as in the paper, and of Table 4, where the paper does not say."""
WARMED_UP = ("pnn", "deepfm")
"""The models of Table 5."""
GENERATOR = "meta-embedding"

AMAZON, MOVIELENS, ALIMAMA = "amazon", "movielens", "alimama"
DATA_SETS = {AMAZON: "Amazon Electronics", MOVIELENS: "MovieLens (26,083 users)", ALIMAMA: "Alimama"}
METRICS = ("logloss", "auc", "rmse", "rig")

Rows = Mapping[str, Mapping[str, float]]

TABLE_1 = {
    AMAZON: {"users": 33_658, "records": 236_892},
    MOVIELENS: {"users": 26_083, "records": 573_534},
    ALIMAMA: {"users": 114_465, "records": 513_877},
}


def row(model: str, gate: str) -> str:
    """The name of a model with a gate in the catalogue; no gate is the model itself."""
    return str(Name(model, gate))


def data_set(source: str) -> str:
    """The data set of the paper that a source stands for; none where it has no such one."""
    return next((name for name in DATA_SETS if source.startswith(name)), "")


def _table_2(*numbers: Sequence[float]) -> Rows:
    """A line a model: the metrics without gates, then with."""
    return {
        row(model, gate): dict(zip(METRICS, line[at : at + len(METRICS)], strict=True))
        for model, line in zip(MODELS, numbers, strict=True)
        for gate, at in (("", 0), (UDG, len(METRICS)))
    }


def _table_3(*numbers: Sequence[float]) -> Rows:
    """A line a model: millions of parameters of it, of it doubled and of it gated, then the AUC of each."""
    return {
        row(model, gate): {"parameters": round(1e6 * line[at]), "auc": line[at + 3]}
        for model, line in zip(MODELS, numbers, strict=True)
        for at, gate in enumerate(("", DOUBLED, UDG))
    }


TABLE_2: Mapping[str, Rows] = {
    AMAZON: _table_2(
        (0.5507, 0.7811, 0.4319, 0.2055, 0.5475, 0.7872, 0.4310, 0.2102),
        (0.5587, 0.7709, 0.4357, 0.1940, 0.5572, 0.7752, 0.4347, 0.1946),
        (0.5589, 0.7685, 0.4359, 0.1937, 0.5574, 0.7716, 0.4352, 0.1950),
        (0.5043, 0.8302, 0.4090, 0.2725, 0.5023, 0.8323, 0.4082, 0.2753),
        (0.4993, 0.8357, 0.4060, 0.2791, 0.4982, 0.8382, 0.4052, 0.2797),
    ),
    MOVIELENS: _table_2(
        (0.5088, 0.8264, 0.4129, 0.2660, 0.5080, 0.8294, 0.4121, 0.2672),
        (0.5226, 0.8190, 0.4182, 0.2460, 0.5219, 0.8230, 0.4177, 0.2470),
        (0.5288, 0.8172, 0.4199, 0.2372, 0.5273, 0.8210, 0.4182, 0.2380),
        (0.4874, 0.8643, 0.3865, 0.3045, 0.4861, 0.8663, 0.3856, 0.3076),
        (0.4850, 0.8689, 0.3839, 0.3112, 0.4838, 0.8724, 0.3817, 0.3124),
    ),
    ALIMAMA: _table_2(
        (0.5604, 0.7822, 0.4362, 0.1915, 0.5582, 0.7841, 0.4351, 0.1948),
        (0.5742, 0.7690, 0.4425, 0.1716, 0.5724, 0.7718, 0.4416, 0.1742),
        (0.5730, 0.7700, 0.4420, 0.1734, 0.5702, 0.7720, 0.4415, 0.1747),
        (0.4491, 0.8694, 0.3823, 0.3523, 0.4483, 0.8711, 0.3818, 0.3535),
        (0.4449, 0.8726, 0.3808, 0.3581, 0.4439, 0.8757, 0.3802, 0.3589),
    ),
}
TABLE_3: Mapping[str, Rows] = {
    AMAZON: _table_3(
        (10.74, 21.48, 15.54, 0.7811, 0.7800, 0.7872),
        (10.80, 21.51, 15.61, 0.7709, 0.7695, 0.7752),
        (10.83, 21.56, 15.64, 0.7685, 0.7680, 0.7716),
        (10.94, 21.85, 17.25, 0.8302, 0.8295, 0.8323),
        (11.65, 23.28, 17.48, 0.8357, 0.8346, 0.8382),
    ),
    MOVIELENS: _table_3(
        (14.79, 29.57, 18.61, 0.8264, 0.8259, 0.8294),
        (14.80, 29.58, 18.65, 0.8190, 0.8188, 0.8230),
        (14.83, 29.64, 18.65, 0.8172, 0.8170, 0.8210),
        (14.95, 29.83, 18.67, 0.8643, 0.8635, 0.8663),
        (15.58, 31.13, 18.83, 0.8689, 0.8677, 0.8724),
    ),
    ALIMAMA: _table_3(
        (33.86, 67.70, 49.93, 0.7822, 0.7815, 0.7841),
        (34.07, 67.87, 50.16, 0.7690, 0.7678, 0.7718),
        (34.12, 67.97, 50.20, 0.7700, 0.7665, 0.7720),
        (34.18, 68.08, 52.19, 0.8694, 0.8720, 0.8711),
        (34.57, 69.12, 52.66, 0.8726, 0.8711, 0.8757),
    ),
}
TABLE_4 = {
    "Follow Feed": {"offline_auc": 0.003, "online_auc": 0.004, "engagement": 0.018},
    "Explore Feed": {"offline_auc": 0.0018, "online_auc": 0.0021, "engagement": 0.020},
}
"""Relative gains; engagement is a combination of click-through and other rates, whose weights are not published."""

PHASES = ("cold", "a", "b", "c")
TABLE_5 = {
    "pnn": {
        "auc": {False: (0.0, 0.0529, 0.0922, 0.1168), True: (0.0046, 0.0693, 0.1147, 0.1407)},
        "logloss": {False: (0.0, -0.0059, -0.0107, -0.0141), True: (-0.0002, -0.0072, -0.0127, -0.0165)},
    },
    "deepfm": {
        "auc": {False: (0.0, 0.0727, 0.1102, 0.1334), True: (0.0058, 0.0917, 0.1384, 0.1610)},
        "logloss": {False: (0.0, -0.0087, -0.0138, -0.0175), True: (-0.0, -0.0104, -0.0175, -0.0216)},
    },
}
"""On Alimama: by model, metric and with the generator or without, relative to the cold phase without it, by phase."""
