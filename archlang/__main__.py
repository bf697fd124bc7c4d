"""`python -m archlang`."""

from archlang.cli import main

if __name__ == "__main__":
    main()
