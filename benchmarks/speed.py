"""Images per second of AlexNet, ours against others'.

    python benchmarks/speed.py [--batch-size 128] [--rounds 5]

The backend is Keras's (KERAS_BACKEND). On TensorFlow: ours, the same network
from stock Keras and TensorFlow parts, the same in PyTorch where it is
installed, ours with weight decay by `SGD2012` against decay by regularizers,
and the share of the machine's matrix-product rate that ours reaches. On JAX
and PyTorch, which may have a GPU: ours against PyTorch's, both compiled, in
float32 (on a GPU TensorFloat-32) and bfloat16, and the same with the network
of torchvision where that is installed. `paper` where nothing is said.

Each contender has a process of its own, so that one's threads and memory do
not slow another. They take turns, a round each, so that a machine whose speed
drifts is fair to all; the table gives medians, and the ratios' spread.
"""

import argparse
import contextlib
import functools
import importlib.util
import itertools
import multiprocessing
import os
import platform
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Several processes share a GPU; JAX would give three quarters to the first.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import contenders
import keras

from alexnet_keras import derive_layers

REFERENCE = "ours"
DECAYS = {  # two ways to the same weights
    "SGD2012": contenders.decay_in_optimizer,
    "SGD with L2": contenders.decay_in_loss,
}
PRODUCT = "matrix products"
PRODUCT_SIZE = 4096


def flops_per_image():
    """Returns those of a training step: forward, and two products back.

    A multiply-accumulate is two operations. The first layer needs no gradient
    of its input.
    """
    rows = derive_layers("paper")
    forward = sum(row.macs for row in rows)
    return 2 * (3 * forward - rows[0].macs)


def list_contenders(backend, batch_size):
    """Returns functions that make the steps of each contender, by name."""
    has_torch = importlib.util.find_spec("torch") is not None
    make = functools.partial
    if backend == "tensorflow":
        found = {
            REFERENCE: make(contenders.tensorflow_ours, batch_size),
            "stock Keras": make(contenders.tensorflow_stock, batch_size),
            PRODUCT: make(contenders.tensorflow_product, PRODUCT_SIZE),
        }
        for name, decay in DECAYS.items():
            found[name] = make(contenders.tensorflow_decay, batch_size, decay)
        if has_torch:
            found["PyTorch"] = make(contenders.torch_own, batch_size)
        return found
    ours = contenders.jax_ours if backend == "jax" else contenders.torch_ours
    variants = {"paper": ""}
    if importlib.util.find_spec("torchvision") is not None:
        variants["torchvision"] = " torchvision"
    found = {}
    for (variant, label), dtype in itertools.product(
        variants.items(), ("float32", "bfloat16")
    ):
        of = (batch_size, dtype, variant)
        found[f"{REFERENCE}{label} {dtype}"] = make(ours, *of)
        if has_torch:
            found[f"PyTorch{label} {dtype}"] = make(
                contenders.torch_own, *of, compiled=True
            )
    return found


def serve(pipe, make):
    """A contender's process: makes its steps, then runs them when asked."""
    steps = dict(zip(("train", "infer"), make()))
    with contextlib.suppress(EOFError):  # the table is done
        while True:
            what, repeats = pipe.recv()
            started = time.perf_counter()
            for _ in range(repeats):
                steps[what]()
            pipe.send(time.perf_counter() - started)


def measure(pipes, what, rounds, repeats):
    """Returns seconds a step, a list by round, for each contender."""

    def ask(pipe, times):
        pipe.send((what, times))
        return pipe.recv() / times

    for pipe in pipes.values():  # trace and compile, side by side
        pipe.send((what, 2))
    for pipe in pipes.values():
        pipe.recv()
    seconds = {name: [] for name in pipes}
    for _ in range(rounds):
        for name, pipe in pipes.items():
            time.sleep(0.5)  # threads of the one before may still be spinning
            seconds[name].append(ask(pipe, repeats))
    return seconds


def report(title, seconds, batch_size):
    """Prints medians, and the ratio of ours to each other one by round."""
    print(f"\n{title}, images per second")
    for name, values in seconds.items():
        if name == PRODUCT:
            continue
        rate = batch_size / statistics.median(values)
        line = f"  {name:<28}{rate:>9.1f}"
        dtype = name.partition(" ")[2] if name.startswith("PyTorch") else ""
        ours = seconds.get(f"{REFERENCE} {dtype}".strip())
        if ours is not None and ours is not values:
            line += f"   ours is {spread(values, ours)} times as fast"
        print(line, flush=True)


def report_decays(seconds):
    """Prints how long a step takes with one decay, in terms of the other."""
    ours, theirs = DECAYS
    if ours in seconds:
        ratio = spread(seconds[ours], seconds[theirs])
        print(f"  A step with {ours} takes {ratio} times that with {theirs}")


def spread(numerators, denominators):
    """Returns the median of the ratios by round, and their range, as text."""
    ratios = [top / bottom for top, bottom in zip(numerators, denominators)]
    return (
        f"{statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f})"
    )


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
        f"Batch {arguments.batch_size}, {arguments.rounds} rounds, "
        f"Keras {keras.__version__} on {backend}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, "
        f"{contenders.device()}"
    )
    spawn = multiprocessing.get_context("spawn")
    pipes = {}
    for name, make in list_contenders(backend, arguments.batch_size).items():
        pipes[name], theirs = spawn.Pipe()
        spawn.Process(target=serve, args=(theirs, make), daemon=True).start()
        theirs.close()  # so that a process that dies is noticed
    turns = (arguments.rounds, arguments.repeats)
    training = measure(pipes, "train", *turns)
    report("Training", training, arguments.batch_size)
    report_decays(training)
    products = training.pop(PRODUCT, None)
    for name in (PRODUCT, *DECAYS):  # these only train
        pipes.pop(name, None)
    inference = measure(pipes, "infer", *turns)
    report("Inference", inference, arguments.batch_size)
    if products:
        step = arguments.batch_size * flops_per_image()
        product = contenders.PRODUCTS * 2 * PRODUCT_SIZE**3
        rate = product / statistics.median(products)
        # Seconds for an operation, of each: the share is one by the other.
        ours = [seconds / step for seconds in training[REFERENCE]]
        peak = [seconds / product for seconds in products]
        print(
            f"\nMatrix products {rate / 1e9:.0f} GFLOP/s; ours trains at a "
            f"share of {spread(peak, ours)} of that"
        )


if __name__ == "__main__":
    main()
