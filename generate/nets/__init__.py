"""Networks and their parts that several methods share; nothing here knows a method, a file or a picture."""
