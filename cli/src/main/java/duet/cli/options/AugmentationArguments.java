package duet.cli.options;

import java.util.Locale;

import duet.cli.output.CommandFailure;
import duet.data.Augmentation;
import duet.data.Mean;
import duet.data.Patches;
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
            description = "Neighbouring images of a batch that share a crop or patch and mirror (default: 1, alexnet-2012 32).")
    private Integer cropChunk;

    @Option(names = "--patches", paramLabel = "LEAST[:ASPECT]", arity = "0..1", fallbackValue = "0.08", converter = PatchesConverter.class,
            description = "In place of windows patches of LEAST (0.08) to all of the image's area, up to ASPECT (1.333) times as wide as "
                    + "high or as high as wide, scaled to the network's input; 0 for none (default: no, googlenet yes).")
    private Patches patches;

    @Option(names = "--photometric", paramLabel = "X", arity = "0..1", fallbackValue = "0.5", converter = PhotometricConverter.class,
            description = "Brightness, contrast and saturation of each image are multiplied by 1 - X to 1 + X (0.5), in any order; 0 for "
                    + "none (default: no, googlenet yes).")
    private Double photometric;

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
        result = patches == null ? result : result.withPatches(patches);
        result = photometric == null ? result : result.withPhotometric(photometric);
        requireEffect(result);
        return result;
    }

    /** An option that would do nothing is a mistake of whoever gave it. */
    private void requireEffect(Augmentation result) {
        if (noiseDivides != null && noiseDivides && result.colourNoise() == 0) {
            throw CommandFailure.usage("--noise-divides does nothing without colour noise; give --colour-noise 0.1, too, or leave it out");
        }
        if (randomCrop != null && result.patches().any()) {
            throw CommandFailure.usage((randomCrop ? "--random-crop" : "--no-random-crop")
                    + " does nothing beside patches, which take the place of windows; give --patches 0, too, or leave it out");
        }
        if (cropChunk != null && cropChunk > 1 && !result.randomCrop() && !result.mirror() && !result.patches().any()) {
            throw CommandFailure.usage("--crop-chunk does nothing without random crops and mirrors; give --augment, too, or leave it out");
        }
    }

    /** {@code 0.08} or {@code 0.08:1.5}; {@code 0} for none. */
    static final class PatchesConverter implements ITypeConverter<Patches> {
        @Override
        public Patches convert(String text) {
            String[] parts = text.split(":", 2);
            double least = Numbers.real(parts[0]);
            double aspect = parts.length > 1 ? Numbers.real(parts[1]) : Patches.GOOGLENET.mostAspect();
            if (least == 0 && parts.length == 1) {
                return Patches.NONE;
            }
            if (!(least > 0 && least <= 1)) {
                throw new TypeConversionException("'" + parts[0]
                        + "' is no share of the image's area above 0 and up to 1: give 0.08 as in GoogLeNet's paper, or 0 for no patches");
            }
            if (!(aspect >= 1)) {
                throw new TypeConversionException("'" + parts[1]
                        + "' is no ratio of a patch's longer side to its shorter one, which is at least 1: give 1.333 as in "
                        + "GoogLeNet's paper");
            }
            return new Patches(least, aspect);
        }
    }

    /** 0 or more, below 1. */
    static final class PhotometricConverter implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            double most = Numbers.real(text);
            if (!(most >= 0 && most < 1)) {
                throw new TypeConversionException("'" + text
                        + "' is not at least 0 and below 1: factors are 1 - X to 1 + X; give 0.5 for 0.5 to 1.5, or 0 for no distortion");
            }
            return most;
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
