"""Methods that make video of faces. Every frame that leaves is marked."""
