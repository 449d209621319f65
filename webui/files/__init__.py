"""Files as a page lists, gives and takes them."""
