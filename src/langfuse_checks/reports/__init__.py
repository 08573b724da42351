"""`make users` and `make sessions`: what the stored observations say about each of them."""
