"""MEMO: memory-guided, emotion-aware latent diffusion."""
