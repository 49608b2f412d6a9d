"""The example of somebody's own script runs as it is."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_example_runs(toy_folder, colour_file, tmp_path):
    general = tmp_path / "general.jsonl"
    words = "red blue green a b c".split()
    general.write_text("".join(json.dumps({"text": f"tell me about {x} {y} ."}) + "\n" for x in words for y in words))
    script = ROOT / "examples" / "own_script" / "train.py"
    assert script.read_text().count("# +") <= 5, "what is added stays small"
    command = [sys.executable, str(script), str(toy_folder), str(colour_file), str(general), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert "passing=" in done.stdout
