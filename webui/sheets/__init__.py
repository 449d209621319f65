"""Tables of any size, of which a page reads only what is seen: how a file is written, where its rows are, which fit."""
