"""`python -m keraseq`, the same as the command `keraseq`."""

from keraseq.cli import main

if __name__ == "__main__":
    main()
