"""What commands share: options, parsing, progress and printing."""
