"""One module per revision, named for what it adds."""
