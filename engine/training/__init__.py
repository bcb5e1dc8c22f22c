"""Training: flow matching on FLUX.1 Kontext's transformer, whether all of it learns or a LoRA only.

`flow` is the loss, `noise` the seeded draws, `run` the loop with its checkpoints; `nano` builds the small model.
"""
