"""Networks that several methods share; each file names its paper. Importing this package imports none of them."""
