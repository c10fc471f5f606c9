"""Main: `python -m artifacts` is the command `art`, where it is not on the path."""

from artifacts.cli.main import main

if __name__ == "__main__":
    main()
