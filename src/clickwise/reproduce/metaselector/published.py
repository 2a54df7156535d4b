"""What the MetaSelector paper compares, and the numbers that it publishes, by data set and method."""

MODELS = ("lr", "fm", "ffm", "deepfm")
COMPARED = ("controls", *MODELS, "selectors")
OF_PAPER = ("sample-selector", "user-selector", "metaselector-simplified", "metaselector")
COLD_START = (*MODELS, "stacking", "user-fine-tuning", "hedge", "metaselector-simplified", "metaselector")

TABLE_1 = {
    "movielens-1m": {"lr": 0.2137, "fm": 0.1849, "ffm": 0.2011, "deepfm": 0.4003},
    "amazon": {"lr": 0.1373, "fm": 0.1361, "ffm": 0.2008, "deepfm": 0.5258},
}
TABLE_2 = {
    "movielens-1m": {"users": 6_040, "items": 3_952, "samples": 1_000_209, "features": 14_025},
    "amazon": {"users": 192_403, "items": 63_001, "samples": 1_689_188, "features": 319_687},
}


def _row(auc: float, logloss: float, relaimpr: float) -> dict[str, float]:
    return {"auc": auc, "logloss": logloss, "relaimpr": relaimpr}


TABLE_3 = {
    "movielens-1m": {
        "lr": _row(0.7914, 0.55112, -1.45),
        "fm": _row(0.7928, 0.54917, -0.98),
        "ffm": _row(0.7936, 0.54826, -0.71),
        "deepfm": _row(0.7957, 0.54672, 0.00),
        "perfect-sample": _row(0.9008, 0.41079, 35.54),
        "perfect-user": _row(0.8187, 0.51829, 7.78),
        "sample-selector": _row(0.7963, 0.54482, 0.20),
        "user-selector": _row(0.7999, 0.54058, 1.42),
        "metaselector-simplified": _row(0.8036, 0.53550, 2.67),
        "metaselector": _row(0.8047, 0.53531, 3.04),
    },
    "amazon": {
        "lr": _row(0.6981, 0.46374, -6.29),
        "fm": _row(0.6953, 0.46242, -7.62),
        "ffm": _row(0.7114, 0.45216, 0.00),
        "deepfm": _row(0.7101, 0.45696, -0.61),
        "perfect-sample": _row(0.8411, 0.37088, 61.35),
        "perfect-user": _row(0.8135, 0.38999, 48.30),
        "sample-selector": _row(0.7121, 0.45152, 0.33),
        "user-selector": _row(0.7124, 0.45117, 0.47),
        "metaselector-simplified": _row(0.7134, 0.45044, 0.95),
        "metaselector": _row(0.7141, 0.44996, 1.28),
    },
}
