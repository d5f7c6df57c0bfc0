"""`python -m micronet_edge`: the command, where the script is not on the PATH."""

from micronet_edge.cli import main

if __name__ == "__main__":
    main()
