"""Colour noise along the principal components of RGB, and its companion ÷1.1.

§4.1 of the paper adds to every pixel of a training image the same random
colour, drawn anew for each image and each time it is shown: three normal draws
of standard deviation 0.1, one for each principal component p_c of the pixels'
colours, times "eigenvalue" λ_c.

The eigenvalue cannot be meant. Those of ImageNet's pixels are 14,830, 1,376
and 389 squared grey levels, and 0.1 · 14,830 is a noise of 1,483 grey levels
on a scale that ends at 255. The 2012 code multiplies by *standard deviations*,
the square roots: 121.78, 37.09, 19.72. Its noise is 12.2, 3.7 and 2.0 grey
levels strong, and that is what is done here.

The widespread "Lighting" transform took the text at its word on pixels 0–1,
where the eigenvalues are 0.2175, 0.0188 and 0.0045. They belong to nearly the
same components (255 · √λ = 118.9, 35.0, 17.1), but as factors they give a
noise of 5.5, 0.48 and 0.11 grey levels: 2.2, 7.7 and 17 times too weak.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class ColorPCA:
    """Principal components of the colours of a data set's pixels.

    Attributes:
        deviations: three standard deviations in grey levels (0–255), largest
            first: the square roots of the covariance's eigenvalues.
        vectors: three rows, the unit vector (red, green, blue) of each. Their
            signs mean nothing.
    """

    deviations: tuple[float, float, float]
    vectors: tuple[tuple[float, float, float], ...]


# Measured by the 2012 authors; stored beside the mean image of their data.
IMAGENET_COLORS = ColorPCA(
    deviations=(121.78, 37.09, 19.72),
    vectors=(
        (-0.5635, -0.5762, -0.5920),
        (-0.7126, -0.0235, 0.7012),
        (0.4180, -0.8170, 0.3973),
    ),
)


def add_color_noise(batch, seed, colors=IMAGENET_COLORS, strength=0.1):
    """Adds a random colour to each image of a batch (§4.1).

    Three normal draws z_c for each image; every pixel of it gets
    Σ_c strength · z_c · deviation_c · vector_c. For why it is the deviation
    and not the eigenvalue, see the head of this module.

    Args:
        batch: images of shape `(n, height, width, 3)`, RGB, 0–255.
        seed: two integers; the same two give the same noise.
        colors: a `ColorPCA`. Defaults to ImageNet's.
        strength: standard deviation of the draws, a number or a scalar
            tensor; 0 changes nothing. Defaults to the paper's 0.1.

    Returns:
        A `float32` tensor of the same shape. Values may leave 0–255 and are
        not clipped, as in the 2012 code.
    """
    noise = draw_color_noise(tf.shape(batch)[0], seed, colors, strength)
    return shift_colors(batch, noise)


def shift_colors(batch, noise):
    """Returns images `(n, height, width, 3)` plus a colour `(n, 3)` each."""
    batch = tf.cast(batch, tf.float32)
    # A row of pixels at a time: three numbers at a time take twice as long.
    shape = tf.shape(batch)
    rows = tf.reshape(batch, (shape[0], shape[1], 3 * shape[2]))
    row = tf.tile(noise, (1, shape[2]))
    return tf.reshape(rows + row[:, None], shape)


def draw_color_noise(count, seed, colors=IMAGENET_COLORS, strength=0.1):
    """Returns what `add_color_noise` adds to each of `count` images.

    Returns:
        A `float32` tensor `(count, 3)`: red, green and blue.
    """
    draws = tf.random.stateless_normal((count, 3), seed)
    axes = tf.constant(
        np.asarray(colors.deviations)[:, None] * np.asarray(colors.vectors),
        tf.float32,
    )
    return tf.matmul(tf.cast(strength, tf.float32) * draws, axes)


def shrink_contrast(batch, mean, divisor=1.1):
    """Brings images nearer to the mean: mean + (batch - mean) / divisor.

    The 2012 code divides training images, less the mean and with colour
    noise, by 1.1, and images at test time by nothing; a comment there says
    that this keeps the scale close. It does more: the noise makes images half
    a per cent stronger, and the division nine per cent weaker. The models
    here subtract the mean themselves, and so this is done about the mean.

    Args:
        batch: images of shape `(n, height, width, 3)`, 0–255.
        mean: what the model will subtract: three numbers or an image
            `(height, width, 3)`.
        divisor: a number or a scalar tensor; 1 changes nothing. Defaults to
            1.1.

    Returns:
        A `float32` tensor of the same shape.
    """
    batch = tf.cast(batch, tf.float32)
    kept = 1 / tf.cast(divisor, tf.float32)
    # Spread over an image once: over a batch, three numbers take far longer.
    mean = tf.broadcast_to(tf.cast(mean, tf.float32), tf.shape(batch)[1:])
    return batch * kept + mean * (1 - kept)
