"""What methods that move a portrait by latent codes (AniTalker, IF-MDM, INFP) do alike around their networks."""
