"""The network of 2012 on two devices: what crosses, derived and measured."""
