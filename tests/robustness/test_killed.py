"""``compare`` killed at 20 moments: it goes on, and ends at the bits of a run that nobody disturbed."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

from clickwise.data.storage import PreparedLog
from clickwise.experiment import run_comparison
from tests.interrupted import send
from tests.robustness.judged import listing
from tests.robustness.killed import PLAN, start, timeless

KILLS = 20
PATIENCE_SECONDS = 120
FILES = ("results.json", "predictions.parquet", "report.html", "plan.json")


def finish(log: Path, out: Path) -> float:
    """Run to the end; the seconds that took."""
    started, process = time.monotonic(), start(log, out)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0
    return time.monotonic() - started


@pytest.fixture(scope="module")
def whole(prepared: PreparedLog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A comparison that nobody disturbed, and what it takes once the server of processes runs."""
    folder = tmp_path_factory.mktemp("whole")
    return folder / "first", min(finish(prepared.folder, folder / name) for name in ("first", "second"))


def assert_equal_results(out: Path, whole: Path) -> None:
    assert listing(out) == listing(whole)
    first, second = (json.loads((folder / "results.json").read_text(encoding="utf-8")) for folder in (out, whole))
    assert timeless(first) == timeless(second)
    assert (out / "predictions.parquet").read_bytes() == (whole / "predictions.parquet").read_bytes()
    for path in whole.rglob("weights.safetensors"):
        assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_two_undisturbed_runs_are_equal(whole: tuple[Path, float]) -> None:
    assert_equal_results(whole[0].with_name("second"), whole[0])


def test_killed_at_random_moments(prepared: PreparedLog, whole: tuple[Path, float], tmp_path: Path) -> None:
    """Each kill is somewhere in what is left; a comparison that came to its end all the same is begun anew."""
    undisturbed, seconds = whole
    draw, kills, begun = random.Random(0), 0, 0
    deadline = time.monotonic() + 40 * seconds + PATIENCE_SECONDS
    while kills < KILLS:
        assert time.monotonic() < deadline, f"{kills} kills only"
        out = tmp_path / str(begun)
        process = start(prepared.folder, out)
        process.join(draw.uniform(0, 0.6 * seconds))
        if process.is_alive():
            send(process, signal.SIGKILL)
        process.join(PATIENCE_SECONDS)
        if process.exitcode == -signal.SIGKILL:
            kills += 1
            assert not [name for name in listing(out) if Path(name).name in FILES and not (out / name).stat().st_size]
        if process.exitcode != -signal.SIGKILL or draw.random() < 0.12:
            assert process.exitcode in (0, -signal.SIGKILL)
            finish(prepared.folder, out)
            assert_equal_results(out, undisturbed)
            begun += 1
    finish(prepared.folder, tmp_path / str(begun))
    assert_equal_results(tmp_path / str(begun), undisturbed)


@pytest.mark.parametrize("left", [".plan.json.x1y2z3ab.half", "runs/lr@0/.model.x1y2z3ab.half/weights.safetensors"])
def test_what_a_killed_process_left_is_no_obstacle(prepared: PreparedLog, tmp_path: Path, left: str) -> None:
    """Killed while the plan was written, or a model."""
    out = tmp_path / "out"
    if not left.startswith(".plan"):
        run_comparison(prepared, PLAN, out, progress=False)
        (out / "results.json").unlink()
    (out / left).parent.mkdir(parents=True, exist_ok=True)
    (out / left).write_text("half")
    run_comparison(prepared, PLAN, out, resume=True, progress=False)
    assert not [name for name in listing(out) if name.endswith(".half") or "/." in name]
    assert (out / "results.json").exists()
