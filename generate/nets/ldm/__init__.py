"""Latent diffusion on the blocks of diffusers: what the methods that build on Stable Diffusion 1.5 share."""
