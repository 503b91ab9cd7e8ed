"""Networks that several methods share; each file names the paper it follows. Importing this package imports none of them."""
