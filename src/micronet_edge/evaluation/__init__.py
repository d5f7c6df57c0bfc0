"""The accuracy of networks and files on labelled images."""
