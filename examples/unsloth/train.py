"""An Unsloth script with Retain's callback, and after it the question what was forgotten. Needs a GPU and unsloth.

    python examples/unsloth/train.py ROWS.jsonl OUTPUT
    retain compare OUTPUT --suite core+safety --folder runs/truth

The adapter names its base itself, also where Unsloth has loaded a copy of it.
"""

import sys

from unsloth import FastLanguageModel  # first, as it changes what the others import

from datasets import load_dataset  # isort: skip
from trl import SFTConfig, SFTTrainer  # isort: skip

import retain  # isort: skip

rows, output = sys.argv[1:3]
model, tokenizer = FastLanguageModel.from_pretrained(
    "unsloth/SmolLM2-135M-Instruct", max_seq_length=512, load_in_4bit=False
)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=32)
trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    args=SFTConfig(output_dir=output, num_train_epochs=1, learning_rate=2e-4, report_to="none"),
    train_dataset=load_dataset("json", data_files=rows, split="train"),
)
watch = retain.RetentionCallback("quick", every=0.5, limit=40)
trainer.add_callback(watch)
trainer.train()
model.save_pretrained(output)
tokenizer.save_pretrained(output)
print(watch.chosen)
