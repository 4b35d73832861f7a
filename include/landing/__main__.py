"""`python -m include.landing <dataset> [--retry-rejected]`: the landing process."""

import sys

from include.landing.process import main
from include.settings import Settings

if __name__ == "__main__":
    sys.exit(main(Settings(), sys.argv[1], retry_rejected="--retry-rejected" in sys.argv[2:]))
