"""``python -m gyrosharp`` is ``gyrosharp``."""

from gyrosharp.cli.main import main

if __name__ == "__main__":
    main()
