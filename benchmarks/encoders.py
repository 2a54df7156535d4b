"""One encoder over one raw file in a process of its own: ``python -m benchmarks.encoders NAME SHAPE FILE RESULT``.

Timed is everything from the raw file to encoded rows, without imports.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fields import NAMES
from benchmarks.memory import peak_memory
from benchmarks.raw_files import CRITEO_CATEGORIES, CRITEO_NUMBERS, WRITERS

Encode = Callable[[], object]


def clickwise(shape: str, file: Path, folder: Path) -> Encode:
    """``prepare``: split, fit on training rows, encode all rows, write the prepared log."""
    from clickwise.data.prepare import prepare
    from clickwise.data.tables import read_table
    from clickwise.schema import Field, Schema

    if shape == "integers":
        fields = [Field(name) for name in NAMES]
    else:
        fields = [Field(name, kind="number", transform="log_square") for name in CRITEO_NUMBERS]
        fields += [Field(name) for name in CRITEO_CATEGORIES]
    schema = Schema(fields=tuple(fields))
    return lambda: prepare(read_table(file), schema, "chronological", folder / "log")


def pyarrow(shape: str, file: Path, folder: Path) -> Encode:
    """The yardstick: ``read_csv`` and ``dictionary_encode`` of every column, nothing fitted, split or written."""
    from pyarrow import csv

    return lambda: [column.dictionary_encode() for column in csv.read_csv(file).columns]


def _fit_polars_to_fuxictr() -> None:
    """FuxiCTR 2.3 calls Polars by names that have changed since: ``dtypes=`` and ``Expr.apply``."""
    import polars as pl

    scan_csv: Any = pl.scan_csv

    def scan(source: str, separator: str, dtypes: dict[str, Any], low_memory: bool, n_rows: int | None) -> pl.LazyFrame:
        frame: pl.LazyFrame = scan_csv(
            source, separator=separator, schema_overrides=dtypes, low_memory=low_memory, n_rows=n_rows
        )
        return frame

    pl.scan_csv = scan  # type: ignore[assignment]
    pl.Expr.apply = pl.Expr.map_elements  # type: ignore[attr-defined]


def fuxictr(shape: str, file: Path, folder: Path, integers: str = "str") -> Encode:
    """``build_dataset``: fit on all rows, encode them, write Parquet. Integers as text, as in its examples."""
    from fuxictr.datasets.criteo import CustomizedFeatureProcessor
    from fuxictr.preprocess import FeatureProcessor, build_dataset

    _fit_polars_to_fuxictr()
    label = {"name": "label", "dtype": "float"}
    if shape == "integers":
        features = [{"name": list(NAMES), "active": True, "dtype": integers, "type": "categorical"}]
        processor = FeatureProcessor(features, label, "encoded", data_root=str(folder))
    else:
        kind = {"active": True, "type": "categorical"}
        features = [
            {"name": list(CRITEO_NUMBERS), "dtype": "float", "preprocess": "convert_to_bucket", "fill_na": 0, **kind},
            {"name": list(CRITEO_CATEGORIES), "dtype": "str", "fill_na": "", **kind},
        ]
        processor = CustomizedFeatureProcessor(features, label, "encoded", data_root=str(folder))
    return lambda: build_dataset(processor, train_data=str(file), data_format="csv", min_categr_count=1)


def fuxictr_integers(shape: str, file: Path, folder: Path) -> Encode:
    """As ``fuxictr``, with integer columns declared as integers, which costs it less."""
    return fuxictr(shape, file, folder, integers="int")


ENCODERS = {"clickwise": clickwise, "pyarrow": pyarrow, "fuxictr": fuxictr, "fuxictr-int": fuxictr_integers}


def main() -> None:
    """Read the arguments, encode in a temporary folder, write seconds and peak memory as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=ENCODERS)
    parser.add_argument("shape", choices=WRITERS)
    parser.add_argument("file", type=Path)
    parser.add_argument("result", type=Path)
    options = parser.parse_args()
    del sys.argv[1:]
    file, result, home = options.file.resolve(), options.result.resolve(), Path.cwd()
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        os.chdir(folder)
        encode = ENCODERS[options.name](options.shape, file, Path(folder))
        imported = peak_memory()
        start = time.perf_counter()
        encode()
        seconds = time.perf_counter() - start
        os.chdir(home)
    measured = {"seconds": seconds, "peak_bytes": peak_memory(), "imported_bytes": imported}
    result.write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
