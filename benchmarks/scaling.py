"""ImageNet on paper: what 1, 8 and 64 GPUs need beside themselves.

    python benchmarks/scaling.py

Computed, not run: from the layers of `paper`, the rates of GPUs, and what
feeding costs a core. Weights, activations and gradients are float32. In a
ring all-reduce over n GPUs each sends 2 (n − 1) / n times the bytes.
"""

from alexnet_keras import derive_layers

IMAGES, EPOCHS = 1_281_167, 90
BATCH = 128  # of each GPU
GPUS = (1, 8, 64)
# Training images a second, forward and backward.
RATES = {
    "Titan X (2015), float32": 1_580,  # soumith/convnet-benchmarks: 81 ms
    "H200, float32": 16_893,  # speed.py with BACKEND=jax, November 2026
    "H200, bfloat16": 21_739,
}
# Milliseconds of one core for an image: pipeline.py, AMD EPYC with AVX-512.
COSTS = {"JPEG files": 2.73, "prepared, jpeg": 0.56, "prepared, pixels": 0.22}
LINKS = {
    "450 GB/s": 450e9,
    "100 Gbit/s": 12.5e9,
    "10 Gbit/s": 1.25e9,
}  # bytes/s
BYTES = 4
DENSE = [row for row in derive_layers("paper") if row.kind == "dense"]
WEIGHTS = BYTES * sum(row.parameters for row in derive_layers("paper"))
DENSE_WEIGHTS = BYTES * sum(row.parameters for row in DENSE)
# What the dense layers read of an image.
READ = BYTES * sum(row.macs // row.output_shape[0] for row in DENSE)


def cores(rate, milliseconds):
    """Returns how many cores make as many images a second as a GPU trains."""
    return rate * milliseconds / 1000


def all_reduced(size, gpus):
    """Returns the bytes that each GPU sends, of gradients of `size` bytes."""
    return 2 * (gpus - 1) / gpus * size


def weird_trick(gpus, batch=BATCH):
    """Returns the bytes that each GPU sends with its dense layers divided.

    "One weird trick" (Krizhevsky 2014): convolutions by data, dense layers by
    units. Each GPU sends what its images give the dense layers to all others,
    and as much of gradients back.
    """
    convolutions = all_reduced(WEIGHTS - DENSE_WEIGHTS, gpus)
    return convolutions + 2 * (gpus - 1) * batch * READ


def break_even():
    """Returns the images, over all GPUs, up to which the trick sends less."""
    return DENSE_WEIGHTS / READ


def table(head, rows):
    """Returns a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def feeding(costs):
    """Returns a table of the cores that keep a GPU busy.

    Args:
        costs: dict from a form of the data to milliseconds of a core.
    """
    return table(
        ["one GPU", "images/s", *costs],
        [
            [
                name,
                f"{rate:,}",
                *(f"{cores(rate, x):.1f}" for x in costs.values()),
            ]
            for name, rate in RATES.items()
        ],
    )


def training():
    """Returns a table of hours, images a second and cores."""
    rows = []
    for name, rate in RATES.items():
        for gpus in GPUS:
            hours = IMAGES * EPOCHS / (gpus * rate) / 3600
            fed = cores(gpus * rate, COSTS["prepared, jpeg"])
            rows.append(
                [name, gpus, f"{gpus * rate:,}", f"{hours:.2f}", f"{fed:.0f}"]
            )
    return table(
        ["", "GPUs", "images/s", "hours", "cores, prepared jpeg"], rows
    )


def network():
    """Returns a table of what a step sends, and how long that takes."""
    rows = []
    for gpus in GPUS[1:]:
        for name, sent in (
            ("all-reduce", all_reduced(WEIGHTS, gpus)),
            ("weird trick", weird_trick(gpus)),
        ):
            times = [f"{1e3 * sent / link:.1f} ms" for link in LINKS.values()]
            rows.append([gpus, name, f"{sent / 1e6:.0f} MB", *times])
    return table(["GPUs", "", "a GPU sends, a step", *LINKS], rows)


def main():
    """Prints the tables."""
    print(feeding(COSTS), training(), network(), sep="\n\n")
    steps = [
        f"{name} {1e3 * BATCH / rate:.1f} ms" for name, rate in RATES.items()
    ]
    print(f"\nA step of {BATCH} images: {', '.join(steps)}.")
    print(
        f"The trick sends less up to {break_even():,.0f} images a step over all "
        f"GPUs: {DENSE_WEIGHTS / 1e6:.0f} MB of dense weights against "
        f"{READ / 1e3:.1f} kB that an image gives the dense layers."
    )


if __name__ == "__main__":
    main()
