"""Small files in the layout of Alimama's log, and what the joined impressions must be, row by row in plain Python."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

START = 1_494_000_000  # midnight of 6 May 2017 in China
HEADERS = {
    "raw_sample": "user,time_stamp,adgroup_id,pid,nonclk,clk",
    "ad_feature": "adgroup_id,cate_id,campaign_id,customer,brand,price",
    "user_profile": "userid,cms_segid,cms_group_id,final_gender_code,age_level,pvalue_level,shopping_level,"
    "occupation,new_user_class_level ",
    "behavior_log": "user,time_stamp,btag,cate,brand",
}


def write(root: Path, name: str, *lines: str, header: str = "") -> Path:
    path = root / f"{name}.csv"
    path.write_text("\n".join([header or HEADERS[name], *lines]) + "\n")
    return path


def sample(user: int = 1, time: int = START + 100, ad: int = 1, clicked: int = 0) -> str:
    return f"{user},{time},{ad},430548_1007,{1 - clicked},{clicked}"


def behaviour(user: int = 1, time: int = START, kind: str = "pv", cate: object = 5, brand: object = 9) -> str:
    return f"{user},{time},{kind},{cate},{brand}"


def tiny(root: Path) -> Path:
    """Two impressions of one user, one ad, and two behaviours."""
    root.mkdir(parents=True, exist_ok=True)
    write(root, "raw_sample", sample(), sample(time=START + 200, clicked=1))
    write(root, "ad_feature", "1,5,7,3,9,170.0")
    write(root, "user_profile", "1,0,5,2,5,,3,0,3")
    write(root, "behavior_log", behaviour(), behaviour(time=START + 150, cate=6, brand=8))
    return root


def official(root: Path, impressions: int = 400, behaviours: int = 3_000, users: int = 30) -> Path:
    """A random log of few moments, so that ties abound; of its users and ads some are not described."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)

    def drawn(low: int, high: int, size: int) -> list[int]:
        return [int(value) for value in rng.integers(low, high, size)]

    columns = drawn(1, users + 1, impressions), drawn(0, 60, impressions), drawn(1, 41, impressions)
    rows = zip(*columns, drawn(0, 2, impressions), strict=True)
    write(root, "raw_sample", *(sample(user, START + 3600 * hour, ad, click) for user, hour, ad, click in rows))
    ads = [(ad, *drawn(1, 9, 4), ["0.5", "170.0", "99"][ad % 3]) for ad in range(1, 37)]
    write(root, "ad_feature", *(f"{a},{c},{g},{u},{'NULL' if a % 5 == 0 else b},{p}" for a, c, g, u, b, p in ads))
    profiles = [(user, *drawn(0, 4, 8)) for user in range(1, users - 2)]
    write(root, "user_profile", *(",".join(map(str, row)).replace(",3,", ",,") for row in profiles))
    kinds = [("pv", "cart", "fav", "buy")[kind] for kind in drawn(0, 4, behaviours)]
    hours, cates, brands = drawn(-20, 70, behaviours), drawn(1, 12, behaviours), drawn(1, 12, behaviours)
    log = zip(drawn(1, users + 9, behaviours), hours, kinds, cates, brands, strict=True)
    lines = [behaviour(u, START + 3600 * h, k, c, "NULL" if b == 11 else b) for u, h, k, c, b in log if u != 2]
    write(root, "behavior_log", *lines)
    return root


def reference(root: Path, length: int, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """The joined impressions by a loop over rows, in order of user, time and file."""

    def read(name: str) -> list[dict[str, str]]:
        with (root / f"{name}.csv").open() as stream:
            return [{key.strip(): value for key, value in row.items()} for row in csv.DictReader(stream)]

    def value(text: str) -> float | None:
        return None if text in ("", "NULL") else float(text)

    ads = {row["adgroup_id"]: row for row in read("ad_feature")}
    profiles = {row["userid"]: row for row in read("user_profile")}
    log = [
        (row["user"], int(row["time_stamp"]), int(row["cate"]), -1 if row["brand"] == "NULL" else int(row["brand"]))
        for row in read("behavior_log")
        if row["btag"] in kinds
    ]
    impressions = sorted(read("raw_sample"), key=lambda row: (int(row["user"]), int(row["time_stamp"])))
    joined = []
    for row in impressions:
        past = sorted(seen[1:] for seen in log if seen[0] == row["user"] and seen[1] < int(row["time_stamp"]))
        described = {key: value(text) for key, text in ads.get(row["adgroup_id"], {}).items() if key != "adgroup_id"}
        profile = {key: value(text) for key, text in profiles.get(row["user"], {}).items() if key != "userid"}
        own = {key: int(row[key]) for key in ("user", "time_stamp", "adgroup_id", "clk")}
        last = {f"behaviour_{name}s": [seen[at] for seen in past[-length:]] for at, name in ((1, "cate"), (2, "brand"))}
        joined.append({**own, "pid": row["pid"], **described, **profile, **last})
    return joined
