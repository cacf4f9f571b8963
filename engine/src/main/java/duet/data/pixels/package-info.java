/**
 * What is done to the levels of images that are decoded: scaling ({@link duet.data.pixels.Resampling}) and photometric distortions. Not
 * exported: decoders and the batch loader call it, programs read images through {@code duet.data.source}.
 */
package duet.data.pixels;
