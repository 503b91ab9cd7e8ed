"""What methods of latent diffusion do alike around their networks: an auto-encoder, latents on disk, a beginning."""
