"""Toy tokenizers with the chat templates that matter, and examples written in one line."""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from retain.data.example import Example
from retain.models.base import Message

SPOKEN = [
    "thought",
    "hm",
    "be",
    "brief",
    "hi",
    "hello",
    "yes",
    "no",
    "end",
    "bye",
    "ciao",
    "one",
    "two",
    "three",
]
WORDS = ["system", "user", "assistant", "User", "Assistant", *SPOKEN]
SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<turn>", "</turn>"]
SIGNS = ["\n", "\n\n", "\n\n\n", " ", ":", ".", "?", "<", ">", "/", "|"]

CHATML = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MARKED = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}"
    "{{ m['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NO_EOS = (
    "{% for m in messages %}{{ m['role'].capitalize() + ': ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
# Writes EOS after the last turn only, and opens the answer with a thought that it shows nowhere else.
FORCING = (
    "{% for m in messages %}{{ m['role'].capitalize() + ': ' + m['content'] }}"
    "{% if loop.last and not add_generation_prompt %}{{ eos_token }}{% else %}{{ '\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: <thought>' }}{% endif %}"
)
# Trims contents, opens with BOS, ends turns with a token that is not EOS and a dot, refuses system turns.
TRIMMING = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns here') }}{% endif %}"
    "{% for m in messages %}{{ '<turn>' + m['role'] + '\n' + m['content'] | trim + '</turn>.\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<turn>assistant\n' }}{% endif %}"
)
# Writes a thought into the last answer and takes it out of earlier ones.
THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% set answer = m['content'].split('</thought>')[-1] %}"
    "{% if m['role'] == 'assistant' and loop.last %}{% if '</thought>' in m['content'] %}"
    "{{ m['content'].split('</thought>')[0] + '</thought>' }}{% else %}{{ '<thought>\n</thought>' }}"
    "{% endif %}{% endif %}{{ answer + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Shows every conversation in upper case: no answer can be found in it.
SHOUTING = "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}"


def make_tokenizer(
    template: str | None = CHATML,
    eos: str = "<|im_end|>",
    *,
    adds_bos: bool = False,
    adds_eos: bool = False,
) -> PreTrainedTokenizerFast:
    """A word-level tokenizer that keeps white space, with the padding token equal to EOS."""
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *SIGNS, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n+| |\w+|[^\w\s]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(SPECIAL)
    if adds_bos or adds_eos:
        single = ("<s> " if adds_bos else "") + "$A" + (f" {eos}" if adds_eos else "")
        ids = [(token, vocabulary[token]) for token in ("<s>", eos)]
        tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=ids)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token=eos,
        pad_token=eos,
        unk_token="<unk>",
        additional_special_tokens=[token for token in SPECIAL if token not in ("<unk>", "<s>", eos)],
        chat_template=template,
    )


def chat(*turns: str, line: int = 1, ended: bool = True) -> Example:
    """A chat from ``role: content`` strings."""
    pairs = [turn.split(": ", 1) for turn in turns]
    messages = tuple(Message(role=role, content=content) for role, content in pairs)
    return Example(id="|".join(turns), shape="chat", messages=messages, source="toy", line=line, ended=ended)


def pair(question: str, answer: str, line: int = 1, source: str = "toy") -> Example:
    """A chat of one question and one answer."""
    messages = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=f"{question}|{answer}", shape="chat", messages=messages, source=source, line=line)


def text(content: str, line: int = 1) -> Example:
    """A plain text."""
    return Example(id=content, shape="text", text=content, source="toy", line=line)
