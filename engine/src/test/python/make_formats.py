"""Image files of every form that Pillow can write, with the pixels that it shows: make_formats.py FOLDER. Pillow 11 or newer, numpy.

For NAME there is NAME and NAME.rgb: width and height as two bytes each, big-endian, then red, green, blue of each pixel, upright by the
orientation, over white, samples of 16 bits divided by 257. ImageFormatsTest reads them.
"""
import io
import os
import sys

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

W, H = 16, 12
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
y, x = np.mgrid[0:H, 0:W]
red, green, blue = x * 17, y * 23, (x * 5 + y * 11) % 256
rgb = np.stack([red, green, blue], -1).astype(np.uint8)
alpha = ((x + 2 * y) * 6 % 256).astype(np.uint8)
colour = Image.fromarray(rgb)
grey = colour.convert("L")
rgba = Image.fromarray(np.dstack([rgb, alpha]))
palette = colour.quantize(16, dither=Image.Dither.NONE)
deep = Image.fromarray((x * 4000 + y * 300).astype(np.uint16))


def shown(data):
    image = Image.open(io.BytesIO(data))
    image.seek(0)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        levels = (np.asarray(image).astype(np.float64) / 257 + 0.5).astype(np.uint8)
        image = Image.fromarray(levels)
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def put(name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)
    image = shown(data)
    with open(os.path.join(folder, name + ".rgb"), "wb") as file:
        file.write(image.width.to_bytes(2, "big") + image.height.to_bytes(2, "big") + np.asarray(image).tobytes())


def save(name, image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    put(name, out.getvalue())


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


for name, image in (("rgb", colour), ("rgba", rgba), ("grey", grey), ("grey-alpha", rgba.convert("LA")), ("bilevel", grey.convert("1")),
                    ("palette", palette), ("grey16", deep)):
    save(f"{name}.png", image, "PNG")
for bits in (1, 2, 4, 8):
    save(f"palette-{bits}bit.png", colour.quantize(2 ** bits if bits < 8 else 200, dither=Image.Dither.NONE), "PNG", bits=bits)
save("palette-transparent.png", palette, "PNG", transparency=bytes(range(0, 256, 16)))
save("rgb-transparent-colour.png", colour, "PNG", transparency=tuple(int(v) for v in rgb[3, 4]))
save("grey-transparent-level.png", grey, "PNG", transparency=int(np.asarray(grey)[3, 4]))
for turn in range(1, 9):
    save(f"turned-{turn}.png", colour, "PNG", exif=exif(turn))
    save(f"turned-{turn}.jpg", colour, "JPEG", quality=95, subsampling=0, exif=exif(turn))
save("rgb.jpg", colour, "JPEG", quality=95, subsampling=0)
save("grey.jpg", grey, "JPEG", quality=95)
save("progressive.jpg", colour, "JPEG", quality=95, subsampling=0, progressive=True)
save("kept-rgb.jpg", colour, "JPEG", quality=95, keep_rgb=True)
save("rgb.gif", palette, "GIF")
save("transparent.gif", palette, "GIF", transparency=3)
save("interlaced.gif", palette, "GIF", interlace=1)
save("animated.gif", palette, "GIF", save_all=True, append_images=[ImageOps.invert(colour).quantize(16)])
for name, image in (("rgb", colour), ("grey", grey), ("bilevel", grey.convert("1")), ("palette", palette), ("rgba", rgba)):
    save(f"{name}.bmp", image, "BMP")
for name, image in (("rgb.ppm", colour), ("grey.pgm", grey), ("bilevel.pbm", grey.convert("1")), ("grey16.pgm", deep)):
    save(name, image, "PPM")
put("plain.ppm", f"P3\n# plain\n{W} {H}\n255\n{' '.join(str(v) for v in rgb.ravel())}\n".encode())
put("named-png.jpg", open(os.path.join(folder, "rgb.png"), "rb").read())
