"""What the notebooks explore with `alexnet_keras`."""
