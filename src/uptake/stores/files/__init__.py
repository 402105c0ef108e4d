"""Files that long work takes in and gives out: the protocol in `base`, and one module for each place where they are."""
