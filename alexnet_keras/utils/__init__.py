"""What any part may use: names made printable, locks, graphs of layers."""
