"""A TRL script of your own, with Retain: the lines marked + are all that is added.

    python examples/own_script/train.py MODEL ROWS.jsonl GENERAL.jsonl OUTPUT

GENERAL.jsonl is text the model should stay good at. ``general={"source": "base_model", "count": 200}`` lets the model
write it itself.
"""

import sys

from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

import retain  # +

model, rows, general, output = sys.argv[1:5]
Trainer = retain.with_mitigations(SFTTrainer, [{"kind": "kl_to_base", "weight": 3.0}], general=general)  # +
trainer = Trainer(  # SFTTrainer(
    model=model,
    args=SFTConfig(output_dir=output, learning_rate=2e-4, bf16=False, report_to="none", loss_type="nll"),
    train_dataset=load_dataset("json", data_files=rows, split="train"),
)
watch = retain.RetentionCallback("quick", every=0.5, limit=40)  # +
trainer.add_callback(watch)  # +
trainer.train()
trainer.save_model()
print(watch.chosen, trainer.retention_notes)  # +
