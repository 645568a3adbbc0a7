"""Images as they come, odd, damaged or called wrongly, and what is said of them."""

import io
import struct
import zlib

import numpy as np
from PIL import ExifTags
from PIL import Image


def smooth(height, width):
    """A picture in which neighbours are alike, as in a photograph."""
    y, x = np.mgrid[:height, :width]
    channels = (
        np.sin(x / 9) * 90 + 120,
        np.cos(y / 7) * 90 + 120,
        np.sin((x + y) / 11) * 90 + 120,
    )
    return Image.fromarray(np.stack(channels, -1).astype("uint8"))


PICTURE = smooth(40, 60)
ALPHA = Image.fromarray(np.arange(2400).reshape(40, 60).astype("uint8"))
DEEP = (np.arange(2400).reshape(40, 60) * 27).astype("uint16")


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_alpha(mode):
    image = PICTURE.convert(mode)
    image.putalpha(ALPHA)
    return image


def png(width, height, bits, rows):
    """A PNG of three channels, whatever its header says of the rows."""

    def chunk(name, data):
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def deep_png(pixels):
    """A PNG of 16 bits and three channels, which Pillow does not write."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(width, height, 16, rows)


def animation(kind):
    mirrored = PICTURE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return encode(PICTURE, kind, save_all=True, append_images=[mirrored])


def upright():
    """A camera's note that it was held upright; neither reader follows it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return exif


JPEG = encode(PICTURE, "JPEG", quality=95)
PNG = encode(PICTURE, "PNG")
GIF = encode(PICTURE, "GIF")
BMP = encode(PICTURE, "BMP")
RGB_16 = np.stack([DEEP, DEEP[::-1], DEEP[:, ::-1]], -1)


def damage(encoded, place, value=0xFF):
    """Inverts bits of one byte in the middle: nothing is missing at the end."""
    changed = bytearray(encoded)
    changed[int(len(changed) * place)] ^= value
    return bytes(changed)


READ = {
    "good.jpg": JPEG,
    "good.png": PNG,
    "good.gif": GIF,
    "good.bmp": BMP,
    "progressive.jpg": encode(PICTURE, "JPEG", progressive=True, quality=95),
    "upper_case.JPG": JPEG,
    "upper_case.JPEG": JPEG,
    "grey.jpg": encode(PICTURE.convert("L"), "JPEG", quality=95),
    "grey.png": encode(PICTURE.convert("L"), "PNG"),
    "grey.gif": encode(PICTURE.convert("L"), "GIF"),
    "grey.bmp": encode(PICTURE.convert("L"), "BMP"),
    "grey_alpha.png": encode(with_alpha("LA"), "PNG"),
    "rgba.png": encode(with_alpha("RGBA"), "PNG"),
    "rgba.bmp": encode(with_alpha("RGBA"), "BMP"),
    "cmyk.jpg": encode(PICTURE.convert("CMYK"), "JPEG", quality=95),
    "black_and_white.png": encode(PICTURE.convert("1"), "PNG"),
    "palette.png": encode(PICTURE.quantize(64), "PNG"),
    "palette_clear.png": encode(PICTURE.quantize(64), "PNG", transparency=3),
    "colour_16_bit.png": deep_png(RGB_16),
    "1x1.png": encode(PICTURE.resize((1, 1)), "PNG"),
    "1x1.jpg": encode(PICTURE.resize((1, 1)), "JPEG", quality=95),
    "10000x100.png": encode(smooth(100, 10_000), "PNG"),
    "10000x100.jpg": encode(smooth(100, 10_000), "JPEG", quality=95),
    "png_called.jpg": PNG,
    "jpeg_called.png": JPEG,
    "gif_called.jpg": GIF,
    "animation.gif": animation("GIF"),
    "animation.png": animation("PNG"),
    "upright.jpg": encode(PICTURE, "JPEG", exif=upright(), quality=95),
    "more_behind.jpg": JPEG + b"what some cameras add",
    "more_behind.png": PNG + b"\0" * 50,
    "two_pictures.jpg": animation("MPO"),
    "no_trailer.gif": GIF[:-1],
}
REFUSED = {
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"no picture\n" * 9, "no image"),
    "page.png": (b"<html>404</html>", "no image"),
    "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no image"),
    "half.jpg": (JPEG[: len(JPEG) // 2], "JPEG, damaged or cut short"),
    "header_only.jpg": (JPEG[:40], "JPEG, damaged or cut short"),
    "less_2_bytes.jpg": (JPEG[:-2], "JPEG, damaged or cut short"),
    "half.png": (PNG[: len(PNG) // 2], "PNG, damaged or cut short"),
    "less_4_bytes.png": (PNG[:-4], "PNG, damaged or cut short"),
    "half.gif": (GIF[: len(GIF) // 2], "GIF, damaged or cut short"),
    "header_only.bmp": (BMP[:30], "damaged or cut short"),
    "half.bmp": (BMP[: len(BMP) // 2], "BMP, damaged or cut short"),
    "palette.bmp": (
        encode(PICTURE.quantize(16), "BMP"),
        "BMP that TensorFlow reads wrongly",
    ),
    "black_and_white.bmp": (
        encode(PICTURE.convert("1"), "BMP"),
        "BMP that TensorFlow does not decode",
    ),
    "more_behind.bmp": (BMP + b"more", "BMP that TensorFlow does not decode"),
    "scan.tiff": (
        encode(PICTURE, "TIFF"),
        "TIFF that TensorFlow does not decode",
    ),
    "tiff_called.jpg": (
        encode(PICTURE, "TIFF"),
        "TIFF that TensorFlow does not decode",
    ),
    "pixels.ppm": (
        encode(PICTURE, "PPM"),
        "PPM that TensorFlow does not decode",
    ),
    # To decode it Pillow would run Ghostscript, a program of its own.
    "program.jpg": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        "EPS that TensorFlow does not decode",
    ),
    # 1.2 GB of pixels, so its header says; there is none.
    "bomb.png": (
        png(20_000, 20_000, 8, b""),
        "more than 89,478,485 pixels",
    ),
}
# Complete by its last bytes: only decoding all of it finds the damage.
DAMAGED = damage(PNG, 0.5)


def build(root, files):
    """A folder with `files` as class b, and good images for all the rest."""
    for place in ("train/a", "train/b", "val/a", "val/b"):
        (root / place).mkdir(parents=True)
        (root / place / "other.png").write_bytes(PNG)
    for name, content in files.items():
        (root / "train/b" / name).write_bytes(content)
    return root
