"""`python -m include.landing <dataset> [--retry-rejected]`, `… erase person|retention`, `… vault rotate` or `… links`.

The landing process, the only one that opens the key.
"""

import sys

from include.landing import erase, linking, process, vaults
from include.settings import Settings

if __name__ == "__main__":
    if sys.argv[1] == vaults.ARGUMENT:
        sys.exit(vaults.main(Settings(), sys.argv[2]))
    if sys.argv[1] == linking.ARGUMENT:
        sys.exit(linking.main(Settings()))
    if sys.argv[1] == "erase":
        sys.exit(erase.main(Settings(), sys.argv[2:]))
    sys.exit(process.main(Settings(), sys.argv[1], retry_rejected="--retry-rejected" in sys.argv[2:]))
