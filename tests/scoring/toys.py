"""Toy models of several kinds with random weights, and what plain generation writes with them."""

import torch

VOCABULARY = 40
END = 2


def llama(**values):
    from transformers import LlamaConfig, LlamaForCausalLM

    return _made(LlamaForCausalLM, LlamaConfig(**{**_SIZES, "num_key_value_heads": 2, **values}))


def mistral(sliding_window: int):
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(**_SIZES, num_key_value_heads=2, head_dim=8, sliding_window=sliding_window)
    return _made(MistralForCausalLM, config)


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=128, initializer_range=0.4)
    return _made(GPT2LMHeadModel, config)


def gpt_neo(window: int = 256):
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    config = GPTNeoConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=window,
        max_position_embeddings=512,
        initializer_range=0.4,
        bos_token_id=1,
        eos_token_id=END,
    )
    return _made(GPTNeoForCausalLM, config)


def bloom():
    from transformers import BloomConfig, BloomForCausalLM

    config = BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.4)
    return _made(BloomForCausalLM, config)


def mamba():
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=4, initializer_range=0.4
    )
    return _made(MambaForCausalLM, config)


_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "initializer_range": 0.4,
}


def _made(kind, config):
    torch.manual_seed(0)
    return kind(config).eval()


def prompts(lengths, seed=0, prefix=()):
    """Random token ids of these lengths, each after the same prefix; no end tokens."""
    draw = torch.Generator().manual_seed(seed)
    return [[*prefix, *torch.randint(3, VOCABULARY, (length,), generator=draw).tolist()] for length in lengths]


def alone(module, prompt, max_tokens, ends=(END,)):
    """What ``module.generate`` writes for one prompt, without the end token."""
    ids = torch.tensor([prompt])
    output = module.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=max_tokens,
        do_sample=False,
        eos_token_id=list(ends),
        pad_token_id=END,
    )
    written = output[0, len(prompt) :].tolist()
    return written[: next((i for i, token in enumerate(written) if token in ends), len(written))]
