"""`python -m include.landing <dataset> [--retry-rejected]`, or `vault rotate`: the landing process."""

import sys

from include.landing import process, vaults
from include.settings import Settings

if __name__ == "__main__":
    if sys.argv[1] == vaults.ARGUMENT:
        sys.exit(vaults.main(Settings(), sys.argv[2]))
    sys.exit(process.main(Settings(), sys.argv[1], retry_rejected="--retry-rejected" in sys.argv[2:]))
