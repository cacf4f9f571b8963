package duet.cli.options;

import java.util.Locale;

import duet.cli.output.CommandFailure;
import duet.data.Augmentation;
import duet.data.Mean;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options that change one thing that is done to training images; what is not given is as the recipe or --augment says. */
@Heading(Heading.IMAGES)
final class AugmentationArguments {
    private static final int USUAL_SHIFT = 2;

    @Option(names = "--random-crop", negatable = true, fallbackValue = "true",
            description = "A random window of each image instead of its centre (default: as --augment).")
    private Boolean randomCrop;

    @Option(names = "--mirror", negatable = true, fallbackValue = "true",
            description = "Every other image mirrored (default: as --augment).")
    private Boolean mirror;

    @Option(names = "--colour-noise", paramLabel = "X", converter = Numbers.NonNegative.class,
            description = "A colour is added to each image, along the principal colours of the training set, with X of their standard "
                    + "deviation; 0 for none (default: 0.1, as in the paper, for alexnet and alexnet-2012, else 0).")
    private Double colourNoise;

    @Option(names = "--noise-divides", negatable = true, fallbackValue = "true",
            description = "Images with colour noise are divided by 1 + X, as in the original code (default: no, alexnet-2012 yes).")
    private Boolean noiseDivides;

    @Option(names = "--crop-chunk", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Neighbouring images of a batch that share a crop and mirror (default: 1, alexnet-2012 32).")
    private Integer cropChunk;

    @Option(names = "--mean", paramLabel = "KIND", converter = MeanConverter.class, defaultValue = "image",
            description = "What is subtracted: the mean 'image' of the training set, its mean colour ('rgb'), or 'none' (default: "
                    + "${DEFAULT-VALUE}).")
    private Mean mean;

    Augmentation of(Augmentation usual) {
        Augmentation result = usual;
        if (randomCrop != null) {
            result = result.withRandomCrop(randomCrop, randomCrop ? USUAL_SHIFT : 0);
        }
        if (mirror != null) {
            result = result.withMirror(mirror);
        }
        if (colourNoise != null) {
            result = result.withColourNoise(colourNoise);
        }
        if (noiseDivides != null) {
            result = result.withNoiseDivides(noiseDivides);
        }
        result = cropChunk == null ? result : result.withCropChunk(cropChunk);
        requireEffect(result);
        return result;
    }

    /** An option that would do nothing is a mistake of whoever gave it. */
    private void requireEffect(Augmentation result) {
        if (noiseDivides != null && noiseDivides && result.colourNoise() == 0) {
            throw CommandFailure.usage("--noise-divides does nothing without colour noise; give --colour-noise 0.1, too, or leave it out");
        }
        if (cropChunk != null && cropChunk > 1 && !result.randomCrop() && !result.mirror()) {
            throw CommandFailure.usage("--crop-chunk does nothing without random crops and mirrors; give --augment, too, or leave it out");
        }
    }

    Mean mean() {
        return mean;
    }

    /** {@code image}, {@code rgb} or {@code none}. */
    static final class MeanConverter implements ITypeConverter<Mean> {
        @Override
        public Mean convert(String text) {
            for (Mean mean : Mean.values()) {
                if (mean.name().toLowerCase(Locale.ROOT).equals(text)) {
                    return mean;
                }
            }
            throw new TypeConversionException("'" + text + "' is none of image, rgb, none");
        }
    }
}
