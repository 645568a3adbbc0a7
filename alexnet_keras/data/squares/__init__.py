"""A data set whose photographs are cut to their squares once, and then read.

Decoding a photograph and resizing it to its 256×256 square (§2 of the paper)
is nine tenths of what a training image costs, and the same in every epoch.
`prepare` does it once and writes a folder, which `load_dataset` knows by its
`prepared.json`. Two forms of a square, of 256 pixels a side:

- `pixels`: 196,608 bytes, read through a memory map as they are; the network
  sees the same pictures as without, to the last bit.
- `jpeg`: about 30,000 bytes (all of ImageNet in some 40 GB), of quality 95
  without subsampled colours: off by 1.3 grey levels (root mean square).

The squares of a split lie one after the other in files of 1,000, each beside
an index of labels and ends, so that any of them is read by its number. A file
is whole or not there: a preparation that was killed goes on with the next.
"""
