"""Criteo: the official layout made by hand and by the generator, bad lines, and the counts of the real sample."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.criteo_shape import write
from clickwise.data.opening import load, prepare_source
from clickwise.data.sources import load_source, open_table
from clickwise.data.sources.criteo import CATEGORIES, NUMBERS
from clickwise.errors import InputError


def line(label: object = 0, number: object = 5, category: str = "68fd1e64") -> str:
    return "\t".join([str(label), *[str(number)] * 13, *[category] * 26])


def official(root: Path, *lines: str) -> Path:
    (root / "train.txt").write_text("\n".join(lines) + "\n")
    return root


def fails(message: str, root: Path | None, **options: Any) -> None:
    with pytest.raises(InputError, match=message) as error:
        load_source("criteo", root, **options)
    assert "\n" not in str(error.value)


def test_the_official_layout(tmp_path: Path) -> None:
    table, schema = load_source("criteo", official(tmp_path, line(1, -3, "00012345"), line(0, "", "")))
    assert table.columns == ["label", *NUMBERS, *CATEGORIES]
    assert table.row(0) == (1, *[-3] * 13, *["00012345"] * 26)
    assert table.row(1) == (0, *[None] * 39)
    assert len(schema.fields) == schema.width == 39
    assert (schema.user, schema.time, schema.item) == ("", "", "")
    assert {field.min_count for field in schema.fields} == {10}


def test_numbers_are_bucketed_by_the_squared_logarithm(tmp_path: Path) -> None:
    numbers = [-2, 0, 1, 2, 3, 10, 1000]
    lines = [line(row % 2, number) for row, number in enumerate(numbers * 10)]
    log = load("criteo", official(tmp_path, *lines), cache=tmp_path / "cache", min_count=1)
    buckets = [number if number <= 2 else math.floor(math.log(number) ** 2) for number in numbers]
    assert set(log.encoder.vocabularies["I1"].values) == set(buckets) == {-2, 0, 1, 2, 5, 47}
    ids = log.train.ids[:7, log.schema.slots("I1")][:, 0]
    assert [log.encoder.vocabularies["I1"].values[int(i)] for i in ids - log.schema.offsets["I1"] - 2] == buckets


def test_rare_values_are_one_unknown_value(tmp_path: Path) -> None:
    lines = [line(row % 2, category="aaaaaaaa" if row % 10 else f"0000000{row // 10}") for row in range(50)]
    root = official(tmp_path, *lines)
    for min_count, values in ((1, 5), (2, 1)):
        log = load("criteo", root, cache=tmp_path / "cache", min_count=min_count)
        assert len(log.encoder.vocabularies["C1"].values) == values


def test_file_order_is_the_order_of_time(tmp_path: Path) -> None:
    log = load("criteo", official(tmp_path, *[line(row % 2) for row in range(100)]), cache=tmp_path / "cache")
    assert log.train.row.tolist() == list(range(80))
    assert log.test.time.tolist() == list(range(90, 100))


def test_other_treatments_of_numbers(tmp_path: Path) -> None:
    root = official(tmp_path, *[line(row % 2, row) for row in range(100)])
    kept = load("criteo", root, cache=tmp_path / "cache", numbers="standardise")
    assert kept.train.numbers.shape == (80, 26)
    assert kept.schema.width == 26
    cut = load("criteo", root, cache=tmp_path / "cache", numbers="quantile", buckets=4, min_count=1)
    assert len(cut.encoder.vocabularies["I13"].values) == 4
    fails("source 'criteo': numbers 'log' is unknown; known: log_square, quantile, standardise", root, numbers="log")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line()[:-9], "line 3 has 39 tab-separated columns; a line there has 40"),
        (line() + "\t", "line 3 has 41 tab-separated columns; a line there has 40"),
        (line("x"), "line 3: 'label' is 'x'; it must be 0 or 1"),
        (line(number="5.5"), "line 3: 'I1' is '5.5'; it must be a whole number, or empty"),
    ],
)
def test_a_bad_line_is_named(bad: str, message: str, tmp_path: Path) -> None:
    fails(f"train.txt: {message}", official(tmp_path, line(), line(1), bad, line()))


@pytest.mark.parametrize("label", ["2", ""])
def test_a_label_that_is_neither_0_nor_1(label: str, tmp_path: Path) -> None:
    root = official(tmp_path, *[line(row % 2) for row in range(20)], line(label))
    with pytest.raises(InputError, match=r"criteo: label column 'label', data row 21: .* is not 0 or 1"):
        prepare_source("criteo", tmp_path / "out", root=root)
    assert not (tmp_path / "out").exists()


def test_missing_files_say_what_to_download(tmp_path: Path) -> None:
    fails(r"--data-root\); download the Kaggle Display Advertising Challenge dataset from https://", None)
    fails(r"holds no train.txt; download .* and put train.txt, or the archive that holds it, there", tmp_path)


def test_opening_reads_one_line_and_no_more(tmp_path: Path) -> None:
    table, _ = open_table("criteo", official(tmp_path, line(), "anything"))
    assert table.frame is None
    assert len(table.files) == 1


def test_the_generated_file_has_the_layout_and_the_signal(tmp_path: Path) -> None:
    pieces = list(write(tmp_path / "train.txt", 20_000, seed=1, values=5_000))
    label, probability = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    assert roc_auc_score(label, probability) > 0.75
    assert abs(label.mean() - probability.mean()) < 0.01
    table, _ = load_source("criteo", tmp_path)
    assert table["label"].to_list() == label.tolist()
    assert table["C1"].str.len_chars().unique().to_list() == [8]
    assert table["I13"].null_count() / 20_000 == pytest.approx(0.36, abs=0.02)


def test_the_real_sample(shared_data: Path, tmp_path: Path) -> None:
    table, _ = load_source("criteo", shared_data, unpacked=str(tmp_path))
    assert len(table) == 10_000
    assert round(table["label"].mean(), 3) == 0.218
    assert table["C1"][0] == "68fd1e64"
    assert table["I2"].min() < 0
