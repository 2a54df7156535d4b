"""The command as a process of its own: what it imports, how it ends, and how it is interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.commands import clicks, run, write_table

HEAVY = ("torch", "polars", "matplotlib", "scipy", "sklearn", "lightning_fabric")


def test_help_and_import_load_nothing_heavy() -> None:
    code = f"""
import sys
import clickwise
from clickwise.cli import main
try:
    main(["--help"])
except SystemExit as ended:
    assert ended.code == 0
print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_exit_status_and_streams_of_the_real_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clickwise", "compare", "absent.csv"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_ctrl_c_and_resume_give_the_model_of_an_uninterrupted_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    file, yaml = write_table(tmp_path, clicks(rows=2000))
    words = ["train", file, "fm", "--schema", yaml, "--threads", "1", "--epochs", "25", "--patience", "25"]
    words += ["--set", "fm.batch_size=20"]
    process = [sys.executable, "-m", "clickwise", *words, "--out", "parts"]
    running = subprocess.Popen(process, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    history, deadline = Path("parts.training/history.csv"), time.monotonic() + 60
    while not history.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert len(errors.splitlines()) == 1 and "--resume" in errors
    assert not Path("parts").exists()
    assert Path("parts.training/checkpoint.safetensors").exists()
    refused = run(capsys, *words, "--out", "parts")
    assert refused.status == 2 and "--resume" in refused.err
    assert run(capsys, *words, "--out", "parts", "--resume").status == 0
    assert not Path("parts.training").exists()
    assert run(capsys, *words, "--out", "whole").status == 0
    one, other = load_file("whole/weights.safetensors"), load_file("parts/weights.safetensors")
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
