"""Images, preprocessing, labels: what goes into a network and what its files say of that."""
