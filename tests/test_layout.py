"""The order in which parts may import each other, and promises about the package as a whole."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "retain"
LAYERS = [
    {"errors", "settings", "records", "wording", "advice_records", "export_records", "frontier_records", "paths"}
    | {"sequence_records", "several_records", "cells"},
    {
        "registry",
        "folder",
        "record_files",
        "yaml_text",
        "faults",
        "sums",
        "at_work",
        "store",
        "progress",
        "quiet",
        "overrides",
        "wrong_values",
    }
    | {"processes"},
    {"comparison", "scoring", "importing"},
    {"models"},
    {"provenance"},
    {"data", "ranking"},
    {"probes"},
    {"mitigations"},
    {"training", "reporting"},
    {"frontier_settings", "advice_settings", "sequence_settings"},
    {"recipe", "method_rules", "process_rules", "no_recipe"},
    {"sequence_recipe"},
    {"recipe_rules"},
    {"stages"},
    {"sequences"},
    {"pipeline", "pipeline_sequence", "own_trainer"},
    {"sweep", "advice", "exporting"},
    {"commands"},
    {"cli", "__main__", "ending"},
]
"""From the bottom up; a part imports from its own layer or from those below."""
EXCEPTIONS = {
    ("scoring/harness.py", "models"): "lm-eval's interface over any model that has ours",
    ("scoring/lm_eval_model.py", "models"): "lm-eval's interface over a model that we load",
}


def layer(part: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("retain."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_downwards(path):
    relative = path.relative_to(SOURCE)
    if relative.name == "__init__.py" and len(relative.parts) == 1:
        return
    part = relative.parts[0].removesuffix(".py")
    for imported in imports(path):
        if (str(relative), imported) in EXCEPTIONS:
            continue
        assert layer(imported) <= layer(part), f"{relative} imports retain.{imported}"


def test_import_retain_and_help_are_quick_and_load_no_torch():
    code = "import sys, retain, retain.cli; assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_python_api_has_every_command():
    import retain

    for name in retain.__all__:
        assert callable(getattr(retain, name))
    with pytest.raises(AttributeError):
        _ = retain.nonsense


def test_nothing_is_printed_and_nothing_unsafe_is_called():
    forbidden = {"print", "eval", "exec"}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path}:{node.lineno} calls {node.func.id}"
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, f"{path}:{node.value.lineno}"


def test_everything_that_could_run_a_models_own_code_is_told_not_to():
    checked = 0
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and could_run_code(node.func):
                checked += 1
                keywords = {keyword.arg for keyword in node.keywords}
                assert "trust_remote_code" in keywords, f"{path}:{node.lineno} does not say trust_remote_code=False"
    assert checked > 10


def could_run_code(called: ast.expr) -> bool:
    """``AutoAnything.from_...(...)``, and sentence-transformers' models."""
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id.startswith("Auto"):
        return called.attr.startswith("from_")
    return ast.unparse(called).split(".")[-1] in {"SentenceTransformer", "CrossEncoder"}


def test_test_files_outside_of_packages_have_names_of_their_own():
    folder = Path(__file__).parent
    loose = [path for path in folder.rglob("test_*.py") if not (path.parent / "__init__.py").is_file()]
    names = [path.name for path in loose]
    assert len(names) == len(set(names)), "pytest imports only one of two files of the same name"
