"""Images per second of the `paper` network, ours against others'.

    python benchmarks/speed.py [--batch-size 128] [--rounds 5]

The backend is Keras's (KERAS_BACKEND). On TensorFlow: ours, the same network
from stock Keras and TensorFlow parts, the same in PyTorch where it is
installed, and the share of the machine's matrix-product rate that ours
reaches. On JAX and PyTorch, which may have a GPU: ours against PyTorch's, both
compiled, in float32 and bfloat16.

Contenders take turns, a round each, so that a machine whose speed drifts is
fair to all; the table gives medians and the ratios' spread over the rounds.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contenders
import keras
import numpy as np

from alexnet_keras import derive_layers

REFERENCE = "ours"


def flops_per_image():
    """Returns those of a training step: forward, and two products back.

    A multiply-accumulate is two operations. The first layer needs no gradient
    of its input.
    """
    rows = derive_layers("paper")
    forward = sum(row.macs for row in rows)
    return 2 * (3 * forward - rows[0].macs)


def matrix_product_rate(size=4096):
    """Returns a function that measures float32 FLOP/s of a matrix product."""
    import tensorflow as tf

    a = tf.random.normal((size, size))
    b = tf.random.normal((size, size))

    def measure():
        started = time.perf_counter()
        tf.matmul(a, b).numpy()
        return 2 * size**3 / (time.perf_counter() - started)

    measure()
    return measure


def collect(backend, batch_size):
    """Returns the contenders on a backend, by name."""
    has_torch = importlib.util.find_spec("torch") is not None
    if backend == "tensorflow":
        found = {
            REFERENCE: contenders.tensorflow_steps(
                contenders.ours(), batch_size
            ),
            "stock Keras": contenders.tensorflow_steps(
                contenders.stock_keras(), batch_size
            ),
        }
        if has_torch:
            found["PyTorch"] = contenders.torch_steps(
                contenders.torch_paper(), batch_size
            )
        return found
    found = {}
    for dtype in ("float32", "bfloat16"):
        model = contenders.ours(dtype)
        found[f"{REFERENCE} {dtype}"] = (
            contenders.jax_steps(model, batch_size)
            if backend == "jax"
            else contenders.torch_steps(model, batch_size, dtype, compiled=True)
        )
        if has_torch:
            found[f"PyTorch {dtype}"] = contenders.torch_steps(
                contenders.torch_paper(), batch_size, dtype, compiled=True
            )
    return found


def measure(steps, batch_size, rounds, repeats):
    """Returns images per second, a list by round, for each contender."""
    rates = {name: [] for name in steps}
    for step in steps.values():
        step()  # traces and compiles
        step()
    for _ in range(rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            for _ in range(repeats):
                step()
            seconds = time.perf_counter() - started
            rates[name].append(repeats * batch_size / seconds)
    return rates


def report(title, rates):
    """Prints medians, and the ratio of ours to each other one by round."""
    print(f"\n{title}, images per second")
    for name, values in rates.items():
        line = f"  {name:<18}{statistics.median(values):>9.1f}"
        dtype = name.partition(" ")[2] if name.startswith("PyTorch") else ""
        ours = rates.get(f"{REFERENCE} {dtype}".strip())
        if ours is not None and ours is not values:
            ratios = [mine / theirs for mine, theirs in zip(ours, values)]
            line += (
                f"   ours is {statistics.median(ratios):.2f} times as fast"
                f" ({min(ratios):.2f} to {max(ratios):.2f})"
            )
        print(line, flush=True)


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--repeats", type=int, default=1, help="batches a round"
    )
    arguments = parser.parse_args()
    backend = keras.backend.backend()
    print(
        f"paper, batch {arguments.batch_size}, {arguments.rounds} rounds, "
        f"Keras {keras.__version__} on {backend}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {device()}"
    )
    found = collect(backend, arguments.batch_size)
    sizes = (arguments.batch_size, arguments.rounds, arguments.repeats)
    training = measure({name: s[0] for name, s in found.items()}, *sizes)
    report("Training", training)
    report("Inference", measure({n: s[1] for n, s in found.items()}, *sizes))
    if backend == "tensorflow":
        product = matrix_product_rate()
        peak = np.median([product() for _ in range(5)])
        reached = statistics.median(training[REFERENCE]) * flops_per_image()
        print(
            f"\nMatrix products {peak / 1e9:.0f} GFLOP/s; ours trains at "
            f"{reached / 1e9:.0f} GFLOP/s, a share of {reached / peak:.2f}"
        )


def device():
    """Names the processor that the backend computes on."""
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
    return "CPU"


if __name__ == "__main__":
    main()
