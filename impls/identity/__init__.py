"""What an implementation's code is: equal digests for equal code, wherever it is and whatever its names are."""
