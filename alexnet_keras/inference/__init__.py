"""A trained network in use: measured, asked, cut, enlarged, exported."""
