"""`python -m include.landing <dataset> [--retry-rejected]` or `… erase person|retention`: the landing process."""

import sys

from include.landing import erase
from include.landing.process import main
from include.settings import Settings

if __name__ == "__main__":
    if sys.argv[1] == "erase":
        sys.exit(erase.main(Settings(), sys.argv[2:]))
    sys.exit(main(Settings(), sys.argv[1], retry_rejected="--retry-rejected" in sys.argv[2:]))
