"""The pages of results say what the artefacts that are kept say."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from clickwise.errors import InputError
from clickwise.report.wording import duration
from clickwise.reproduce import PAPERS
from clickwise.reproduce.study import EARLIER
from findings import store
from findings.__main__ import main
from findings.pages import OPEN, PAGES, _finding, all_pages, verdicts
from findings.side_by_side import side_by_side
from findings.store import KEPT, PICTURES, Finding, keep, kept

RUN: dict[str, Any] = {
    "source": "movielens-1m", "setting": "published", "version": "tuned", "seeds": 2, "commit": "abc1234",
    "command": "clickwise reproduce autoloss table2 --data-root /home/me/data --out /tmp/x --models fm --resume",
    "wall_clock_seconds": 10.0, "runs": {"commit": "def5678", "wall_clock_seconds": 50.0},
}  # fmt: skip
ROWS = [{"title": "FM", "published": {"auc": 0.7}, "auc": {"mean": 0.71, "low": 0.7, "high": 0.72}, "other": 1}]
TABLE = "# Table\n\n| Method | AUC |\n| --- | ---: |\n| FM | 0.7100 |\n\n- A note.\n"


def written(folder: Path, **changed: Any) -> Path:
    """An artefact as ``clickwise reproduce`` writes it."""
    run = {**RUN, **changed}
    values = {
        "format": "clickwise-reproduction", "version": 1, "paper": "autoloss", "artefact": "table2", "run": run,
        "rows": ROWS, "notes": ["A note."],
    }  # fmt: skip
    (folder / "table2.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "table2.md").write_text(TABLE, encoding="utf-8")
    return folder / "table2.json"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(store, "PICTURES", tmp_path / "pictures")
    return tmp_path


def test_pages_are_those_that_what_is_kept_gives() -> None:
    for name, text in all_pages().items():
        assert (PAGES / name).read_text(encoding="utf-8") == text, f"{name}: run make results"
    assert {path.name for path in PAGES.glob("*.md")} == {*all_pages()}


def test_every_artefact_has_a_verdict_and_every_verdict_on_numbers_has_them_kept() -> None:
    told, found = verdicts(), {(one.paper, one.artefact) for one in kept()}
    assert [*told] == [*PAPERS]
    for paper, module in PAPERS.items():
        assert {*told[paper]["artefacts"]} == {*import_module(module).PAPER.artefacts}
        for artefact, one in told[paper]["artefacts"].items():
            if one["verdict"] == OPEN:
                assert (paper, artefact) not in found
            elif one["verdict"] != "cannot be told with this data":
                assert (paper, artefact) in found, f"{paper} {artefact}"


def test_what_is_kept_names_no_folder_and_only_committed_code() -> None:
    for finding in kept():
        assert not re.search(r"(^| )/|--data-root|--out", finding.command), finding.command
        assert "dirty" not in str(finding.run["commit"])
        assert all((PICTURES / name).exists() for name in finding.pictures)
    shown = {name for finding in kept() for name in finding.pictures}
    assert shown == {path.name for path in PICTURES.glob("*")}


def test_an_artefact_is_kept_without_folders_and_comes_back(elsewhere: Path) -> None:
    path = keep(written(elsewhere))
    assert path == elsewhere / "kept" / "autoloss" / "table2-published-tuned-movielens-1m-fm.json"
    found = Finding(**json.loads(path.read_text(encoding="utf-8")))
    assert found.command == "clickwise reproduce autoloss table2 --models fm"
    assert found.run["commit"] == "def5678" and found.seconds == 60.0
    assert found.headings == ["Method", "AUC"] and found.cells == [["FM", "0.7100"]]
    assert found.rows == [{key: value for key, value in ROWS[0].items() if key != "other"}]
    table = list(side_by_side([found]))
    assert table[0] == "| AUC | published | published-tuned-movielens-1m-fm (2 seeds) |"
    assert table[2] == "| FM | 0.7000 | 0.7100 |"


@pytest.mark.parametrize(("earlier", "seconds"), [(0.0, 10.0), (20.0, 30.0), (50.0, 60.0), (None, 60.0)])
def test_runs_of_the_command_itself_are_within_its_time(earlier: float | None, seconds: float, elsewhere: Path) -> None:
    found = Finding(**json.loads(keep(written(elsewhere, runs={**RUN["runs"], EARLIER: earlier})).read_text("utf-8")))
    assert found.seconds == seconds and found.at_most == (earlier is None)
    note = next(_finding(found))
    assert note.endswith(f', commit def5678, {"at most " if earlier is None else ""}{duration(seconds)}"')


def test_time_without_runs_is_that_of_the_command(elsewhere: Path) -> None:
    found = Finding(**json.loads(keep(written(elsewhere, runs=None)).read_text("utf-8")))
    assert found.seconds == 10.0 and not found.at_most


def test_a_place_that_another_command_has_taken_is_not_lost_unasked(elsewhere: Path) -> None:
    first = keep(written(elsewhere)).read_bytes()
    assert keep(written(elsewhere)).read_bytes() == first
    other = written(elsewhere, command="clickwise reproduce autoloss table2 --models fm --epochs 1")
    with pytest.raises(InputError, match="is kept from another command, `clickwise reproduce autoloss table2 --models"):
        keep(other)
    assert main(["add", str(other), "--replace"]) == 0
    assert "--epochs 1" in (elsewhere / "kept/autoloss/table2-published-tuned-movielens-1m-fm.json").read_text("utf-8")


def test_what_cannot_be_kept(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="code that was not committed"):
        keep(written(elsewhere, runs={"commit": "abc-dirty", "wall_clock_seconds": 1.0}))
    for commit in ("abc1234, changed while it ran to def5678", "abc1234, unknown"):
        with pytest.raises(InputError, match="or that changed meanwhile"):
            keep(written(elsewhere, runs={"commit": commit, "wall_clock_seconds": 1.0}))
    assert main(["add", str(elsewhere / "nothing.json")]) == 2
    assert "give the JSON file of an artefact" in capsys.readouterr().err
    (elsewhere / "table2.json").write_text("{}", encoding="utf-8")
    assert main(["add", str(elsewhere / "table2.json")]) == 2
    assert not KEPT.joinpath("autoloss", "table2-published-tuned-movielens-1m-fm.json").exists()


def test_the_index_lists_what_is_left_out() -> None:
    told, index = verdicts(), all_pages()["index.md"]
    for paper in told.values():
        assert paper["left_out"]
        for one in paper["left_out"]:
            assert f"- {paper['title']}: {one}" in index
