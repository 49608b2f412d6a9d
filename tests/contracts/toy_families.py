"""Toy models of many families with random weights: what they differ in is written beside each."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

END = 2
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
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "initializer_range": 0.2}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32}

LANGUAGE = {
    "gpt2": ("gpt2", GPT2),
    "neox": ("gpt_neox", {"rotary_pct": 0.5, "tie_word_embeddings": False}),
    "qwen2": ("qwen2", {"tie_word_embeddings": False}),
    "qwen2-tied": ("qwen2", {"tie_word_embeddings": True}),
    "qwen3": ("qwen3", {"head_dim": 16, "tie_word_embeddings": False}),
    "qwen3-tied": ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "gemma2": ("gemma2", {"head_dim": 16, "sliding_window": 24, "final_logit_softcapping": 2.0,
                          "attn_logit_softcapping": 3.0, "query_pre_attn_scalar": 10}),
    "gemma3": ("gemma3_text", {"head_dim": 16, "sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"],
                               "query_pre_attn_scalar": 10, "final_logit_softcapping": 2.0}),
    "mistral": ("mistral", {"sliding_window": 24, "head_dim": 8, "tie_word_embeddings": False}),
    "phi": ("phi", {"partial_rotary_factor": 0.5}),
    "phi3": ("phi3", {"partial_rotary_factor": 0.5, "tie_word_embeddings": False}),
    "olmo": ("olmo", {}),
    "olmo2": ("olmo2", {}),
    "olmo3": ("olmo3", {"sliding_window": 24}),
    "granite": ("granite", {"logits_scaling": 4.0, "attention_multiplier": 0.3, "residual_multiplier": 0.5, "embedding_multiplier": 3.0}),
    "cohere": ("cohere", {"logit_scale": 0.25}),
    "cohere2": ("cohere2", {"logit_scale": 0.25, "sliding_window": 24}),
    "mixtral": ("mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen2_moe": ("qwen2_moe", {"num_experts": 4, **EXPERTS, "shared_expert_intermediate_size": 32}),
    "qwen3_moe": ("qwen3_moe", {"num_experts": 4, **EXPERTS, "head_dim": 16}),
    "olmoe": ("olmoe", {"num_experts": 4, "num_experts_per_tok": 2}),
    "gpt_oss": ("gpt_oss", {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16, "sliding_window": 24}),
    "mamba": ("mamba", {"state_size": 4}),
    "mamba2": ("mamba2", {"state_size": 4, "num_heads": 8, "head_dim": 8, "n_groups": 1}),
    "jamba": ("jamba", {"num_experts": 2, "mamba_d_state": 4, "use_mamba_kernels": False, "attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1}),
    "bamba": ("bamba", {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 4, "attn_layer_indices": [1]}),
    "falcon_h1": ("falcon_h1", {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 4, "mamba_d_ssm": 64, "head_dim": 8}),
    "lfm2": ("lfm2", {"layer_types": ["conv", "full_attention"], "full_attn_idxs": [1]}),
    "recurrent_gemma": ("recurrent_gemma", {"lru_width": 32, "attention_window_size": 24, "block_types": ["recurrent", "attention"]}),
    "qwen3_next": ("qwen3_next", {"num_experts": 4, **EXPERTS, "head_dim": 16, "shared_expert_intermediate_size": 32, "layer_types": ["linear_attention", "full_attention"], "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}),
    "granitemoehybrid": ("granitemoehybrid", {"num_local_experts": 2, "num_experts_per_tok": 1, "layer_types": ["mamba", "attention"], "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 4}),
    "rwkv": ("rwkv", {}),
    "xlstm": ("xlstm", {}),
    "gpt_neo": ("gpt_neo", {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "window_size": 24}),
    "gptj": ("gptj", {**GPT2, "rotary_dim": 4}),
    "codegen": ("codegen", {**GPT2, "rotary_dim": 4}),
    "gpt_bigcode": ("gpt_bigcode", GPT2),
    "opt": ("opt", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "bloom": ("bloom", {"n_layer": 2, "n_head": 4}),
    "mpt": ("mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 128}),
    "falcon": ("falcon", {}),
    "falcon-alibi": ("falcon", {"alibi": True}),
    "stablelm": ("stablelm", {"partial_rotary_factor": 0.5}),
    "smollm3": ("smollm3", {}),
    "deepseek_v3": ("deepseek_v3", {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "n_shared_experts": 1}),
    "starcoder2": ("starcoder2", {}),
    "glm4": ("glm4", {"head_dim": 8}),
    "nemotron": ("nemotron", {}),
    "exaone4": ("exaone4", {"sliding_window": 24}),
    "llama4": ("llama4_text", {"num_local_experts": 2, "head_dim": 8, "intermediate_size_mlp": 64, "attention_chunk_size": 24}),
    "minicpm3": ("minicpm3", {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16}),
    "gemma3n": ("gemma3n_text", {"head_dim": 16, "sliding_window": 24}),
    "biogpt": ("biogpt", {}),
    "xglm": ("xglm", {"d_model": 32, "ffn_dim": 64, "num_layers": 2, "attention_heads": 4}),
    "diffllama": ("diffllama", {}),
    "ernie4_5": ("ernie4_5", {"head_dim": 8}),
    "bitnet": ("bitnet", {}),
    "helium": ("helium", {"head_dim": 8}),
    "arcee": ("arcee", {}),
    "apertus": ("apertus", {}),
    "seed_oss": ("seed_oss", {"head_dim": 8}),
    "nanochat": ("nanochat", {}),
    "modernbert-decoder": ("modernbert-decoder", {"local_attention": 24}),
    "vaultgemma": ("vaultgemma", {"head_dim": 16, "sliding_window": 24}),
    "gemma4": ("gemma4_text", {"head_dim": 16, "sliding_window": 24}),
    "hunyuan": ("hunyuan_v1_dense", {"head_dim": 8}),
    "granitemoe": ("granitemoe", {"num_local_experts": 4, "num_experts_per_tok": 2, "logits_scaling": 4.0}),
    "phimoe": ("phimoe", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "persimmon": ("persimmon", {}),
    "ctrl": ("ctrl", {"n_embd": 32, "dff": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}),
}


def language_model(name, vocabulary, seed=0):
    kind, values = LANGUAGE[name]
    config = AutoConfig.for_model(kind, **{**SIZES, "vocab_size": vocabulary, **values})
    torch.manual_seed(seed)
    module = AutoModelForCausalLM.from_config(config).eval()
    torch.manual_seed(seed)
    for parameter in module.parameters():
        if parameter.dim() == 1:  # biases and norms of a fresh model are zeros and ones
            parameter.data += 0.2 * torch.randn_like(parameter)
    module.generation_config.eos_token_id = END
    module.generation_config.pad_token_id = END
    return module
