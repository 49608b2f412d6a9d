import importlib.metadata
import json

from retain.provenance import provenance, versions
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
