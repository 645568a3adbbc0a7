"""How fast training batches are made of JPEG files, and the network trains.

    python benchmarks/pipeline.py [FOLDER] [--batch-size 128] [--rounds 5]

FOLDER has JPEG files, in folders of their own or not; without it scikit-image's
photographs are encoded at 500×375, which most of ImageNet's are. The bytes
are in memory, so that no disk is measured, and go round until `--images` are
through: decoded, resized, cut to 256×256, a random 224×224 of it, flipped,
in batches as `fit` gets them, the draws of the colour noise beside the images
(the training step adds them). The first stages alone say what limits it. Then
the same from squares that `prepare` has cut, in each of its forms. The
milliseconds are those of all cores for an image, idle or not.

Each contender has a process of its own, and they take turns with a training
step of `paper`, as in `speed.py`: the ratio is that of one round, on the same
cores, and a machine whose speed drifts is fair to all.
"""

import argparse
import functools
import math
import multiprocessing
import os
import pathlib
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import contenders
import numpy as np
import scaling
import speed
import tensorflow as tf

from alexnet_keras.data import color_noise
from alexnet_keras.data import image_data
from alexnet_keras.data import image_files
from alexnet_keras.data import input_pipeline
from alexnet_keras.data import photo_patches
from alexnet_keras.data import preprocessing
from alexnet_keras.data import readers
from alexnet_keras.data.squares import writing

INPUT_SIZE, STORED_SIZE = 224, 256
HEIGHT, WIDTH = 375, 500
QUALITY = 97  # gives about as many bytes as ImageNet's files have
EVERYTHING, TRAINING = "everything", "training"


def make_jpegs():
    """Returns scikit-image's photographs as bytes of JPEG files."""
    encoded = []
    for name in photo_patches.PHOTOGRAPHS:
        photograph = photo_patches.load_photograph(name)
        height, width, _ = photograph.shape
        scale = max(HEIGHT / height, WIDTH / width)
        sides = (math.ceil(scale * height), math.ceil(scale * width))
        resized = tf.image.resize(photograph, sides, antialias=True)
        cut = tf.cast(tf.round(resized[:HEIGHT, :WIDTH]), tf.uint8)
        encoded.append(tf.io.encode_jpeg(cut, quality=QUALITY).numpy())
    return encoded


def read_jpegs(folder):
    """Returns the bytes of the JPEG files in a folder and those inside it."""
    paths = sorted(
        path
        for path in pathlib.Path(folder).rglob("*")
        if path.suffix.lower() in (".jpg", ".jpeg")
    )
    if not paths:
        raise ValueError(
            f"`folder` must have .jpg or .jpeg files. Received: {str(folder)!r}"
        )
    return [path.read_bytes() for path in paths]


def make_batches(files, batch_size, form=None):
    """Returns the batches of a training run with everything on, without end.

    Args:
        files: bytes of JPEG files.
        batch_size: images in a batch.
        form: of the squares that are prepared first. Defaults to none.
    """
    # As a data set that is too large for decoded images to stay in memory.
    size = input_pipeline.CACHE_BYTES // (3 * STORED_SIZE**2) + 1
    records = tf.data.Dataset.from_tensor_slices((files, [0] * len(files)))
    if form is None:
        records = records.cache().repeat().take(size)
    else:
        size = len(files)
    data = image_data.ImageData(
        "JPEG", ("all",), records, records, size, size, readers.EncodedReader()
    )
    if form is not None:
        folder = tempfile.TemporaryDirectory()
        data = writing.prepare(data, folder.name, form=form, verbose=0)
        data.read.of = folder  # it is removed with its reader
    mean = np.full((INPUT_SIZE, INPUT_SIZE, 3), 120, "float32")
    noise = input_pipeline.ColorNoise(
        color_noise.IMAGENET_COLORS,
        (0.1,),
        size // batch_size + 1,
        mean,
        divisor=1.1,
    )
    return input_pipeline.training_batches(
        data, INPUT_SIZE, batch_size, noise=noise, noise_apart=True
    )


def make_stage(files, batch_size, resized):
    """Returns one pixel of each decoded image, or of each resized one."""

    def first_pixel(encoded):
        image = image_files.decode(encoded)
        if resized:
            image = preprocessing.center_square(image, STORED_SIZE)
        return image[0, 0]

    records = tf.data.Dataset.from_tensor_slices(files).cache().repeat()
    pixels = records.map(first_pixel, num_parallel_calls=tf.data.AUTOTUNE)
    return pixels.batch(batch_size, drop_remainder=True)


def run_through(make, count):
    """Returns a step that takes `count` batches, from a standstill.

    An iterator that waited for its turn would have batches ready, and have
    made them in another's time.
    """
    stream = make().take(count)

    def step():
        for _ in stream:
            pass

    return (step,)


def list_contenders(files, batch_size, count):
    """Returns functions that make the step of each contender, by name."""
    make = functools.partial
    stages = {
        "decode": make(make_stage, files, batch_size, False),
        "decode, resize": make(make_stage, files, batch_size, True),
        EVERYTHING: make(make_batches, files, batch_size),
        **{
            f"prepared, {form}": make(make_batches, files, batch_size, form)
            for form in writing.FORMS
        },
    }
    found = {
        name: make(run_through, stage, count) for name, stage in stages.items()
    }
    return {**found, TRAINING: make(contenders.tensorflow_ours, batch_size)}


def report(seconds):
    """Prints images per second, the ratio to training, cores for GPUs."""
    costs = {}
    for name, values in seconds.items():
        rates = [1 / value for value in values]
        line = (
            f"  {name:<18}{statistics.median(rates):>8.1f}   "
            f"({min(rates):.1f} to {max(rates):.1f})"
        )
        if name != TRAINING:
            cost = 1e3 * os.cpu_count() * statistics.median(values)
            line += f"   {cost:.2f} ms"
        if name == EVERYTHING or name.startswith("prepared"):
            costs[name] = cost
            ratio = speed.spread(seconds[TRAINING], values)
            line += f"   {ratio} times as fast as training"
        print(line, flush=True)
    print(f"\nCores that keep a GPU busy\n{scaling.feeding(costs)}")


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="with JPEG files")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=2048, help="a round")
    arguments = parser.parse_args()
    batch_size = arguments.batch_size
    try:
        files = (
            read_jpegs(arguments.folder) if arguments.folder else make_jpegs()
        )
    except ValueError as error:
        parser.error(str(error))
    sides = [tf.io.extract_jpeg_shape(file).numpy() for file in files]
    print(
        f"{len(files)} JPEG files, in the median "
        f"{statistics.median(int(h) * int(w) for h, w, _ in sides) / 1e3:.0f} "
        f"kilopixels and {statistics.median(map(len, files)) / 1e3:.0f} kB; "
        f"batch {batch_size}, {arguments.rounds} rounds, TensorFlow "
        f"{tf.__version__}, {os.cpu_count()} cores"
    )
    count = math.ceil(arguments.images / batch_size)
    spawn = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name, make in list_contenders(files, batch_size, count).items():
        pipes[name], theirs = spawn.Pipe()
        processes.append(
            spawn.Process(target=speed.serve, args=(theirs, make), daemon=True)
        )
        processes[-1].start()
        theirs.close()  # so that a process that dies is noticed
    seconds = speed.measure(pipes, "train", arguments.rounds, repeats=1)
    for process in processes:
        process.terminate()  # before its pipe closes, which it would lament
    print("Images per second, median (range over the rounds); cores' time")
    report(
        {
            name: [
                value / batch_size / (1 if name == TRAINING else count)
                for value in values
            ]
            for name, values in seconds.items()
        }
    )


if __name__ == "__main__":
    main()
