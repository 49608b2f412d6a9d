"""A TRL script as it is, and after it the question what was forgotten: the last lines are all that is added.

    python examples/trl/train.py MODEL ROWS.jsonl OUTPUT [SUITE]

With mitigations and a guard in the same script: examples/own_script/train.py.
"""

import sys

from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

import retain

model, rows, output = sys.argv[1:4]
suite = sys.argv[4] if len(sys.argv) > 4 else "core"
trainer = SFTTrainer(
    model=model,
    args=SFTConfig(output_dir=output, num_train_epochs=1, learning_rate=2e-5, bf16=False, report_to="none"),
    train_dataset=load_dataset("json", data_files=rows, split="train"),
)
trainer.train()
trainer.save_model()

record = retain.compare(model, output, suite=suite, load_in="fp32", folder=f"{output}/comparison")
print(record.verdict.outcome, *record.verdict.reasons, sep="\n")
sys.exit({"retained": 0, "inconclusive": 3}.get(record.verdict.outcome, 1))
