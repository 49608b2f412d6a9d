"""Several tasks that one model learns one after another: their folders, probes, memory, adapters and numbers."""
