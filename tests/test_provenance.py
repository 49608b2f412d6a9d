import importlib.metadata
import json

from retain.provenance import called, provenance, versions
from retain.stages import kept_measurements, known_models


def test_versions_are_those_installed_and_absent_packages_are_left_out(monkeypatch):
    assert versions()["torch"] == importlib.metadata.version("torch")
    monkeypatch.setattr("retain.provenance.PACKAGES", ("torch", "no-such-package"))
    assert list(versions()) == ["torch"]


def test_what_can_change_a_score_or_a_fingerprint_is_among_them():
    from retain.provenance import PACKAGES

    assert {*kept_measurements.LIBRARIES, *known_models.LIBRARIES} <= set(PACKAGES)


def test_it_says_when_where_and_with_which_seed():
    found = provenance(7)
    assert found["seed"] == 7
    assert found["started"].endswith("+00:00")
    assert found["device"] and found["python"] and found["cores"] >= 1
    assert json.loads(json.dumps(found)) == found


def test_the_command_is_kept_as_one_types_it_without_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["/venv/bin/retain", "run", str(tmp_path / "my recipe.yaml"), "--set", "training.epochs=1"]
    assert called(given) == "retain run 'my recipe.yaml' --set training.epochs=1"
    assert called(["retain", "run", f"--folder={tmp_path / 'a'}"]) == "retain run --folder=a"
    assert called(["/site-packages/retain/__main__.py", "doctor"]) == "python -m retain doctor"
    assert called(["/site-packages/retain/cli/__main__.py", "doctor"]) == "python -m retain.cli doctor"
    assert called(["/site-packages/torch/distributed/run/__main__.py", "doctor"]) is None
    assert called(["/usr/bin/pytest", "run"]) is None and called([]) is None
    monkeypatch.setattr("sys.argv", given)
    assert provenance(0)["command"] == called(given)
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert "command" not in provenance(0)
