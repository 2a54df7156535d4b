"""The synthetic log: what is planted is there, and what is switched off is not."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from clickwise.data.sources.population import GROUPS, START
from clickwise.data.sources.synthetic import generate, requests
from clickwise.errors import InputError
from clickwise.schema import Schema

DAY = 86_400


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    return generate(impressions=60_000, users=1_500, seed=3)[0]


def array(values: pl.Series) -> Any:
    return values.to_numpy()


def sigmas(label: pl.Series, probability: pl.Series) -> float:
    """How far the mean label lies from the mean probability, in standard errors."""
    truth = array(probability)
    return float(abs((array(label) - truth).sum()) / np.sqrt((truth * (1 - truth)).sum()))


def test_mean_label_is_the_mean_recorded_probability(log: pl.DataFrame) -> None:
    assert sigmas(log["label"], log["true_probability"]) < 4


def test_probabilities_are_calibrated_in_every_group_and_decile(log: pl.DataFrame) -> None:
    for part in log.partition_by("group"):
        assert sigmas(part["label"], part["true_probability"]) < 4
    ordered = log.sort("true_probability")
    for start in range(0, 60_000, 6_000):
        part = ordered[start : start + 6_000]
        assert sigmas(part["label"], part["true_probability"]) < 4.5


def test_clicks_before_flips_follow_the_clean_probability(log: pl.DataFrame) -> None:
    clicks = (log["label"] - log["flipped"]).abs()
    assert sigmas(clicks, log["clean_probability"]) < 4
    assert 0.12 < array(clicks).mean() < 0.28


def test_flips_lie_in_the_partner_channel_and_have_the_share_asked_for(log: pl.DataFrame) -> None:
    assert log.filter(channel="partner")["flipped"].mean() == pytest.approx(0.1 / 0.33, abs=0.02)
    assert log.filter(pl.col("channel") != "partner")["flipped"].sum() == 0
    assert log["flipped"].mean() == pytest.approx(0.1, abs=0.015)


def test_recorded_probability_is_the_clean_one_after_flips(log: pl.DataFrame) -> None:
    rate = np.where(log["channel"].to_numpy() == "partner", 0.1 / 0.33, 0.0)
    clean = log["clean_probability"].to_numpy()
    np.testing.assert_allclose(log["true_probability"], clean * (1 - rate) + (1 - clean) * rate, rtol=1e-12)


def test_no_noise_no_flips() -> None:
    table, _ = generate(impressions=5_000, users=200, noise=0.0)
    assert table["flipped"].sum() == 0
    assert table["true_probability"].equals(table["clean_probability"].alias("true_probability"))


def test_noise_changes_labels_and_nothing_else() -> None:
    quiet, _ = generate(impressions=5_000, users=200, noise=0.0)
    noisy, _ = generate(impressions=5_000, users=200, noise=0.15)
    assert quiet.drop("label", "true_probability", "flipped").equals(noisy.drop("label", "true_probability", "flipped"))
    changed = (quiet["label"] != noisy["label"]).cast(pl.Int64)
    assert changed.to_list() == noisy["flipped"].to_list()


def test_heterogeneity_reaches_clicks_but_not_what_is_shown() -> None:
    options: dict[str, Any] = {"impressions": 5_000, "users": 200, "drift": 0.0, "noise": 0.0}
    alike, _ = generate(heterogeneity=0.0, **options)
    apart, _ = generate(heterogeneity=1.0, **options)
    shown = ["user", "item", "time", "group", "placement", "channel", "session"]
    assert alike.select(shown).equals(apart.select(shown))
    assert np.abs(alike["clean_probability"] - apart["clean_probability"]).mean() > 0.05


def pull_of_a_clicked_category(heterogeneity: float) -> list[float]:
    """By group: how much likelier a click is right after one in the same category than after one in another."""
    table, _ = generate(impressions=120_000, users=2_000, noise=0.0, drift=0.0, seed=1, heterogeneity=heterogeneity)
    before = table.sort("session", "time").with_columns(
        pl.col("label", "category").shift(1).over("session").name.prefix("last_")
    )
    clicked = before.filter(pl.col("last_label") == 1)
    again = pl.col("category") == pl.col("last_category")
    rates = clicked.group_by("group").agg(
        pull=pl.col("label").filter(again).mean() - pl.col("label").filter(~again).mean()
    )
    return rates.sort("group")["pull"].to_list()


def test_recency_acts_in_its_group_only() -> None:
    pull = pull_of_a_clicked_category(1.0)
    recency = pull.pop(GROUPS.index("recency"))
    assert recency > max(pull) + 0.1


def test_without_heterogeneity_recency_acts_in_all_groups_alike() -> None:
    pull = pull_of_a_clicked_category(0.0)
    assert min(pull) > 0.02
    assert max(pull) - min(pull) < 0.1


def test_without_recency_no_click_acts_on_the_next() -> None:
    options: dict[str, Any] = {"impressions": 20_000, "users": 400, "noise": 0.0, "heterogeneity": 0.0}
    pulled, free = (generate(recency=recency, **options)[0] for recency in (1.0, 0.0))
    shown = ["user", "item", "time", "session", "placement", "category"]
    assert pulled.select(shown).equals(free.select(shown))
    clicked_before = pulled.select(pl.col("label").shift(1, fill_value=0).cum_max().over("session"))["label"] == 1
    changed = (pulled["clean_probability"] - free["clean_probability"]).abs() > 1e-12
    assert not changed.filter(~clicked_before).any()
    assert changed.filter(clicked_before).all()
    np.testing.assert_allclose(generate(**options)[0]["clean_probability"], pulled["clean_probability"], rtol=1e-15)


def test_same_seed_same_log_other_seed_other_log() -> None:
    first, second, other = (generate(impressions=2_000, users=100, seed=seed)[0] for seed in (5, 5, 6))
    assert first.equals(second)
    assert not first.equals(other)


def test_global_random_state_is_left_alone() -> None:
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    generate(impressions=100, users=10)
    assert np.random.random() == expected


def test_log_spans_fourteen_days_in_order(log: pl.DataFrame) -> None:
    assert log["time"].is_sorted()
    assert array(log["time"]).min() >= START
    assert array(log["time"]).max() < START + 14 * DAY
    assert ((log["time"] - START) // DAY).n_unique() == 14


def test_sessions_are_bursts_of_one_user(log: pl.DataFrame) -> None:
    sessions = log.group_by("session").agg(
        pl.col("user", "device", "channel").n_unique(),
        span=pl.col("time").max() - pl.col("time").min(),
        rows=pl.len(),
        start=pl.col("time").min(),
        owner=pl.col("user").first(),
    )
    assert sessions.select("user", "device", "channel").max().row(0) == (1, 1, 1)
    assert array(sessions["span"]).max() < 1_800
    assert 4 < array(sessions["rows"]).mean() < 9
    of_user = log.sort("user", "time")
    repeated = (of_user["time"].diff() == 0) & (of_user["user"].diff() == 0)
    assert not repeated.any()
    runs = of_user.select((pl.col("session").diff() != 0).sum() + 1).item()
    assert runs == len(sessions)  # sessions of one user do not overlap


def test_popularity_has_a_long_tail(log: pl.DataFrame) -> None:
    counts = log["item"].value_counts(sort=True)["count"].to_numpy()
    assert counts[: len(counts) // 10].sum() > 0.3 * len(log)
    assert (counts < counts.mean()).mean() > 0.6
    rows_of_user = log["user"].value_counts(sort=True)["count"].to_numpy()
    assert rows_of_user.max() > 5 * np.median(rows_of_user)


def test_users_and_items_arrive_while_the_log_runs(log: pl.DataFrame) -> None:
    for column in ("user", "item"):
        first = log.group_by(column).agg(pl.col("time").min())["time"]
        late = ((array(first) - START) > 7 * DAY).mean()
        assert 0.08 < late < 0.5
    assert array(log["item_age"]).min() >= 0


def test_some_values_are_missing_and_only_where_said(log: pl.DataFrame) -> None:
    nulls = {name: count / len(log) for name, count in log.null_count().row(0, named=True).items() if count}
    assert set(nulls) == {"age", "brand", "price"}
    assert all(0.02 < share < 0.25 for share in nulls.values())
    assert not log["price"].is_nan().any()


def test_schema_names_columns_of_the_table_and_hides_the_truth() -> None:
    table, schema = generate(impressions=100, users=10)
    inputs = {field.column for field in schema.fields if field.owner != "history"}
    assert inputs | {schema.label, schema.user, schema.time} | set(schema.keep) == set(table.columns)
    assert not inputs & (set(schema.keep) | {schema.label})
    assert Schema.from_dict(schema.to_dict()) == schema


def test_oracle_leaves_room_above_and_below() -> None:
    table, _ = generate()
    assert table.shape[0] == 120_000
    assert 0.15 < array(table["label"]).mean() < 0.3
    assert 0.8 < roc_auc_score(table["label"], table["true_probability"]) < 0.87
    for part in table.partition_by("group"):
        assert roc_auc_score(part["label"], part["true_probability"]) > 0.75


def test_200_000_impressions_come_quickly() -> None:
    start = time.process_time()
    generate(impressions=200_000)
    assert time.process_time() - start < 6


def test_smallest_log() -> None:
    table, _ = generate(users=1, items=1, impressions=1)
    assert table.shape[0] == 1


def test_requests_offer_the_items_of_the_same_world() -> None:
    table, schema = requests(count=300, candidates=5, users=100, items=200)
    log, log_schema = generate(users=100, items=200, impressions=5_000)
    assert schema == log_schema
    assert table.columns == log.columns
    assert table["session"].to_list() == np.repeat(np.arange(300), 5).tolist()
    same = table.group_by("session").agg(pl.col("user", "time", "placement", "device", "channel").n_unique())
    assert same.drop("session").max().row(0) == (1, 1, 1, 1, 1)
    assert array(table["time"]).min() >= START + 13 * DAY
    assert sigmas(table["label"], table["true_probability"]) < 4
    profile = ["item", "category", "brand", "tags", "price"]
    both = table.select(profile).unique().join(log.select(profile).unique(), on="item", suffix="_log")
    assert len(both) > 100
    for column in profile[1:]:
        assert both[column].equals(both[f"{column}_log"].alias(column))


@pytest.mark.parametrize(
    ("call", "options", "message"),
    [
        (generate, {"users": 0}, "users must be a whole number of at least 1, not 0"),
        (generate, {"items": 0}, "items must be a whole number of at least 1"),
        (generate, {"users": 2.5}, "users must be a whole number of at least 1, not 2.5"),
        (generate, {"seed": True}, "seed must be a whole number of at least 0, not True"),
        (generate, {"noise": "much"}, "noise must be between 0 and 0.16, not 'much'"),
        (generate, {"impressions": 0}, "impressions must be a whole number of at least 1, not 0"),
        (generate, {"users": 10, "impressions": 5_000}, "impressions must be at most 3000 for 10 users, not 5000"),
        (generate, {"seed": -1}, "seed must be a whole number of at least 0"),
        (generate, {"heterogeneity": 1.5}, "heterogeneity must be between 0 and 1, not 1.5"),
        (generate, {"drift": -0.1}, "drift must be at least 0"),
        (generate, {"recency": -1.0}, "recency must be at least 0, not -1.0"),
        (generate, {"drift": float("nan")}, "drift must be at least 0, not nan"),
        (generate, {"noise": 0.3}, "noise must be between 0 and 0.16"),
        (generate, {"click_rate": 0.0}, "click_rate must be between 0.01 and 0.99"),
        (requests, {"candidates": 0}, "candidates must be a whole number of at least 1"),
    ],
)
def test_options_out_of_range(call: Callable[..., object], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match="source 'synthetic'") as error:
        call(**options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_users_who_came_too_late_for_so_many_impressions() -> None:
    failures = 0
    for seed in range(6):
        try:
            assert len(generate(users=1, items=3, impressions=300, seed=seed)[0]) == 300
        except InputError as error:
            assert "cannot have 300 impressions; add users" in str(error)
            failures += 1
    assert failures < 6


def test_sessions_change_the_schema_and_no_row() -> None:
    plain, without = generate(users=20, items=10, impressions=200)
    table, schema = generate(users=20, items=10, impressions=200, session_length=6)
    assert table.equals(plain)
    added = [field for field in schema.fields if field not in without.fields]
    assert [(field.name, field.of, field.length, field.events) for field in added] == [
        ("session_items", "item", 6, "all"),
        ("session_categories", "category", 6, "all"),
        ("session_labels", "label", 6, "all"),
    ]
    with pytest.raises(InputError, match="session_length must be a whole number of at least 0, not -1"):
        generate(session_length=-1)
