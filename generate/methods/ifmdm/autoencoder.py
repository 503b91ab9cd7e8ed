"""IF-MDM, first stage: LIA with squashed motion codes and a branch that paints what the portrait does not show.

Yang et al. 2024 (arXiv 2412.04000), section 3.1. What differs from LIA are options of the network; its losses stay.
"""

from __future__ import annotations

from ....core.training import Request
from ...latent.autoencoder import Autoencoder


class IFMDMAutoencoder(Autoencoder):
    """The family's auto-encoder under IF-MDM's name."""

    def __init__(self, request: Request) -> None:
        super().__init__(request, name="ifmdm")
