"""Toy models of many families with random weights; beside each what it has that the others have not."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

END = 2
WINDOW = 24
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "bos_token_id": 1,
    "eos_token_id": END,
    "pad_token_id": END,
}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4}
TIED, UNTIED = {"tie_word_embeddings": True}, {"tie_word_embeddings": False}
GEMMA = {"head_dim": 16, "sliding_window": WINDOW, "query_pre_attn_scalar": 10, "final_logit_softcapping": 2.0, **TIED}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16}
ROUTED = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_group": 1, "topk_group": 1}

LANGUAGE = {
    # learned positions, Conv1D with transposed weights, fused projections, tied head
    "gpt2": ("gpt2", {**GPT2, **TIED}),
    # parallel residual, rotary positions on a part of each head, a fused projection, biases
    "neox": ("gpt_neox", {"rotary_pct": 0.5, **UNTIED}),
    # biases on queries, keys and values
    "qwen2": ("qwen2", UNTIED),
    # norms on queries and keys, heads wider than hidden / heads
    "qwen3": ("qwen3", {"head_dim": 16, **TIED}),
    # soft capping in attention and of logits, scaled embeddings, norms with 1 + w, window and full layers
    "gemma2": ("gemma2", {**GEMMA, "attn_logit_softcapping": 3.0}),
    # the same without soft capping in attention, norms on queries and keys, two rotary bases
    "gemma3": ("gemma3_text", {**GEMMA, "layer_types": ["sliding_attention", "full_attention"]}),
    # a sliding window in every layer
    "mistral": ("mistral", {"sliding_window": WINDOW, "head_dim": 8, **UNTIED}),
    # one norm for attention and feed-forward, a bias on the head
    "phi": ("phi", {"partial_rotary_factor": 0.5, **UNTIED}),
    # fused projections of attention and of the gate
    "phi3": ("phi3", {"partial_rotary_factor": 0.5, **UNTIED}),
    # norms behind attention and feed-forward
    "olmo2": ("olmo2", UNTIED),
    # logits divided, attention with a scale of its own, residuals and embeddings scaled
    "granite": ("granite", {"logits_scaling": 4.0, "attention_multiplier": 0.3, "residual_multiplier": 0.5,
                            "embedding_multiplier": 3.0, **TIED}),
    # logits multiplied, parallel residual, interleaved rotary positions
    "cohere": ("cohere", {"logit_scale": 0.25, **TIED}),
    # experts in one tensor
    "mixtral": ("mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2, **UNTIED}),
    # experts in one tensor, shared ones as linear layers with a gate
    "qwen2-moe": ("qwen2_moe", {**EXPERTS, "shared_expert_intermediate_size": 32, **UNTIED}),
    # sinks in attention, experts with biases, transposed, window and full layers
    "gpt-oss": ("gpt_oss", {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16,
                            "sliding_window": WINDOW, **UNTIED}),
    # latent attention (keys and values of other sizes), shared experts whose names PEFT takes for the experts'
    "deepseek-v3": ("deepseek_v3", {**LATENT, **ROUTED, "num_key_value_heads": 4, "first_k_dense_replace": 1,
                                    "n_shared_experts": 1, **UNTIED}),
    # a state space model
    "mamba": ("mamba", {"state_size": 4, **TIED}),
    # state space and attention layers, experts
    "jamba": ("jamba", {"num_experts": 2, "mamba_d_state": 4, "use_mamba_kernels": False, "attn_layer_period": 2,
                        "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1, **UNTIED}),
    # a recurrence that reads padding, whatever the mask says
    "recurrent-gemma": ("recurrent_gemma", {"lru_width": 32, "attention_window_size": WINDOW,
                                            "block_types": ["recurrent", "attention"], **TIED}),
    # ALiBi, a norm on embeddings
    "bloom": ("bloom", {"n_layer": 2, "n_head": 4, **TIED}),
}  # fmt: skip
"""Name -> transformers' name and what is set beside :data:`SIZES`."""

ALSO_SCORED = {
    "opt": ("opt", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "gptj": ("gptj", {**GPT2, "rotary_dim": 4, "n_positions": 128}),
    "mpt": ("mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 128}),
    "llama4": ("llama4_text", {"num_local_experts": 2, "head_dim": 8, "intermediate_size_mlp": 64,
                               "attention_chunk_size": WINDOW}),
    "lfm2": ("lfm2", {"layer_types": ["conv", "full_attention"], "full_attn_idxs": [1]}),
    "rwkv": ("rwkv", {}),
}  # fmt: skip
"""More ways to attend or to count positions."""

ENCODER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "num_labels": 1,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
           "type_vocab_size": 0, "pooler_hidden_size": 32}  # fmt: skip

RERANKERS = {
    # positions counted from behind the padding's, a head that reads the first token itself
    "roberta": ("roberta", {"type_vocab_size": 1}),
    "xlm-roberta": ("xlm-roberta", {"type_vocab_size": 1}),
    # no token types, two layers in the head, other names in its attention
    "distilbert": ("distilbert", {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4}),
    # one layer used several times
    "albert": ("albert", {"embedding_size": 16}),
    # attention with relative positions, a pooler beside the backbone
    "deberta-v2": ("deberta-v2", {**DEBERTA, "position_buckets": 8, "share_att_key": True,
                                  "norm_rel_ebd": "layer_norm"}),
    # local and global attention, fused projections, a mean over tokens
    "modernbert": ("modernbert", {"local_attention": 8, "cls_token_id": 1, "sep_token_id": 2,
                                  "global_attn_every_n_layers": 2, "classifier_pooling": "mean"}),
    # a decoder with a head for one score, read off the last token
    "qwen3": ("qwen3", {"head_dim": 8, "num_key_value_heads": 2}),
}  # fmt: skip
WITH_TOKEN_TYPES = {"albert"}


def language_model(name, vocabulary, seed=0):
    """A causal model of a family, in evaluation mode."""
    kind, values = {**LANGUAGE, **ALSO_SCORED}[name]
    config = AutoConfig.for_model(kind, **{**SIZES, "vocab_size": vocabulary, **values})
    torch.manual_seed(seed)
    module = _lively(AutoModelForCausalLM.from_config(config))
    module.generation_config.eos_token_id = END
    module.generation_config.pad_token_id = END
    return module


def reranker(name, vocabulary, seed=0):
    """A cross-encoder of a family with one score, in evaluation mode."""
    kind, values = RERANKERS[name]
    config = AutoConfig.for_model(kind, **{**ENCODER, "vocab_size": vocabulary, **values})
    torch.manual_seed(seed)
    return _lively(AutoModelForSequenceClassification.from_config(config))


def _lively(module):
    """Biases and norms that do something: in a fresh model they are zeros and ones."""
    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return module.eval()
