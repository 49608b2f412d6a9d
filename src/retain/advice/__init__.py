"""The ladder before training: prompt, few-shot, retrieval, and a short training as the last rung."""
