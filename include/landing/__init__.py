"""Landing: from a delivery to typed, checked rows without persons. The only part of the program that opens the key."""
