"""The stored results: installed, and read, as `alexnet_lab.stored_results`."""
