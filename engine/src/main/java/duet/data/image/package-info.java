/**
 * Image files as pixels of one size: decoders for JPEG (libjpeg-turbo where it is installed, else Java's), PNG, GIF and BMP, orientation
 * by EXIF, colours, scaling. Not exported: programs read images through {@code duet.data.source}, which calls this package, as does the
 * packing of images.
 *
 * <p>Read {@link duet.data.image.ImageFile} first; the decoders follow from it. A file that cannot be decoded is a
 * {@link duet.data.image.DamagedImage} with the reason in words.
 */
package duet.data.image;
