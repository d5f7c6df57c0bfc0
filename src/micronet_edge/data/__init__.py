"""Images, preprocessing, labels and the metadata of files."""
