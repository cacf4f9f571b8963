package duet.data.source;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import duet.data.Augmentation;
import duet.data.Batch;
import duet.data.BatchLoader;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.ImageStatistics;
import duet.data.image.DamagedImage;
import duet.data.image.ImageFile;
import duet.data.image.JpegHeader;
import duet.data.image.TurboJpegDecoder;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.Operation.PrepareInput;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Shape;

/** How many images a second come out of a source, by the very loader and kernel that training uses. */
public final class LoaderSpeed {
    private static final int MOST_FILES = 64;
    private static final int AHEAD = 4;
    private static final float SCALE = 1 / 64f;

    private LoaderSpeed() {}

    /**
     * Images a second.
     *
     * @param loaded   as the loader hands them over: read, decoded, crop, mirror and colour drawn
     * @param prepared the same, and cropped, mirrored, the mean taken away and the colour added on the CPU; 0 without measuring it
     * @param input    what they are cropped to
     * @param batch    images in a batch
     * @param threads  that read and decode
     */
    public record Result(double loaded, double prepared, Shape input, int batch, int threads) {}

    /**
     * Decoded JPEG files a second on one thread, without scaling what was decoded to the stored size.
     *
     * @param files   how many were decoded
     * @param stored  size that they would be scaled to
     * @param turbo   by libjpeg-turbo; 0 if it is not installed
     * @param imageIo by Java's own decoders
     */
    public record Decoding(int files, Shape stored, double turbo, double imageIo) {}

    /**
     * Measures how many images a second the loader delivers. Files are decoded every time, though training keeps what it has decoded where
     * there is room.
     *
     * @param images  the data
     * @param batch   images in a batch
     * @param threads that read and decode
     * @param seconds about how long each of the two measurements takes
     * @return images a second
     */
    public static Result measure(Dataset images, int batch, int threads, double seconds) {
        Dataset data = images instanceof DecodedDataset decoded ? decoded.uncached() : images;
        Shape stored = data.stored();
        Shape input = new Shape(stored.channels(), cropped(stored.height()), cropped(stored.width()));
        ImageStatistics statistics = Datasets.statistics(data, MOST_FILES);
        boolean colours = statistics.covariance() != null;
        Augmentation augmentation = colours ? Augmentation.PAPER : Augmentation.STANDARD;
        float[] axes = colours ? statistics.principalColours().deviations() : null;
        double loaded;
        try (BatchLoader loader = BatchLoader.training(data, input, batch, 1, true, augmentation, axes, epoch -> 1, 0, threads)) {
            loaded = rate(batch, threads, seconds, loader, ready -> {});
        }
        try (Backend backend = Backends.open("cpu", threads);
                Kernel kernel = new Kernel(backend, stored, input, batch, colours);
                BatchLoader loader = BatchLoader.training(data, input, batch, 1, true, augmentation, axes, epoch -> 1, 0, threads)) {
            kernel.program.write(kernel.mean, statistics.meanImage());
            return new Result(loaded, rate(batch, threads, seconds, loader, kernel::run), input, batch, threads);
        }
    }

    /** 227 of 256. */
    private static int cropped(int side) {
        return Math.max(1, (int) Math.round(side * 227.0 / 256));
    }

    private interface Use {
        void of(Batch batch);
    }

    private static double rate(int batch, int threads, double seconds, BatchLoader loader, Use use) {
        // The loader has batches ready before it is asked; and code is compiled meanwhile.
        for (int i = 0; i < threads + AHEAD; i++) {
            use.of(loader.next());
        }
        long batches = 0;
        long start = System.nanoTime();
        double passed = 0;
        while (passed < seconds) {
            use.of(loader.next());
            batches++;
            passed = (System.nanoTime() - start) / 1e9;
        }
        return batches * batch / passed;
    }

    /**
     * Measures how many files a second each decoder decodes on one thread.
     *
     * @param data    any source
     * @param seconds about how long it takes
     * @return files a second; null where the files are no JPEGs, or the images are stored decoded
     */
    public static Decoding decoding(Dataset data, double seconds) {
        if (!(data instanceof DecodedDataset decoded)) {
            return null;
        }
        List<byte[]> files = decoded.someFiles(MOST_FILES).stream().filter(file -> sound(file, data.stored())).toList();
        if (files.isEmpty()) {
            return null;
        }
        decodeFor(files, data.stored(), seconds / 2); // until it is compiled
        return decodeFor(files, data.stored(), seconds);
    }

    private static boolean sound(byte[] file, Shape stored) {
        try {
            return ImageFile.decode(file, stored, ImageFile.Jpegs.FASTEST).length > 0;
        } catch (DamagedImage e) {
            return false; // It is named when it is loaded.
        }
    }

    /** File by file in turn, so that whatever else the machine does slows both down alike. */
    private static Decoding decodeFor(List<byte[]> files, Shape stored, double seconds) {
        boolean available = TurboJpegDecoder.available();
        long start = System.nanoTime();
        long turbo = 0;
        long imageIo = 0;
        long count = 0;
        while (turbo + imageIo < seconds * 1e9 && (System.nanoTime() - start) < 3 * seconds * 1e9) {
            byte[] file = files.get((int) (count++ % files.size()));
            turbo += available ? time(file, stored, ImageFile.Jpegs.TURBO) : 0;
            imageIo += time(file, stored, ImageFile.Jpegs.IMAGE_IO);
        }
        return new Decoding(files.size(), stored, available ? count * 1e9 / turbo : 0, count * 1e9 / imageIo);
    }

    private static long time(byte[] file, Shape stored, ImageFile.Jpegs decoder) {
        long start = System.nanoTime();
        try {
            ImageFile.decodeJpeg(file, JpegHeader.parse(file), stored.channels(), stored.height(), stored.width(), decoder);
        } catch (DamagedImage e) {
            throw new DataException("a file that could be decoded can be no more: " + e.getMessage(), e);
        }
        return System.nanoTime() - start;
    }

    /** The first operation of every plan, alone on the CPU. */
    private static final class Kernel implements AutoCloseable {
        private final Map<Tensor, Region> regions = new java.util.LinkedHashMap<>();
        private final Backend backend;
        private final Tensor images;
        private final Tensor crops;
        private final Tensor mean;
        private final Tensor colours;
        private final Storage persistent;
        private final Storage scratch;
        private final Program program;
        private long persistentBytes;
        private long scratchBytes;

        Kernel(Backend backend, Shape stored, Shape input, int batch, boolean noise) {
            this.backend = backend;
            int channels = stored.channels();
            images = tensor("images", Format.IMAGES, Role.INPUT, batch, channels, stored.height(), stored.width());
            crops = tensor("crops", Format.INTEGERS, Role.INPUT, batch, 3, 1, 1);
            mean = tensor("mean", Format.ACTIVATION, Role.CONSTANT, 1, channels, stored.height(), stored.width());
            colours = noise ? tensor("colours", Format.ACTIVATION, Role.INPUT, batch, channels, 1, 1) : null;
            Tensor output = tensor("output", Format.ACTIVATION, Role.TRANSIENT, batch, channels, input.height(), input.width());
            List<Step> steps = new ArrayList<>();
            steps.add(new Step.Launch(new PrepareInput("input", images, crops, mean, colours, output, SCALE), null));
            persistent = backend.allocate(new long[] {persistentBytes});
            scratch = backend.allocate(new long[] {scratchBytes});
            program = backend.load(List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps)), regions, persistent, scratch);
        }

        private Tensor tensor(String name, Format format, Role role, int batch, int channels, int height, int width) {
            Tensor tensor = new Tensor(regions.size(), name, 0, format, role, batch, channels, height, width);
            long bytes = backend.bytes(tensor);
            if (role.persistent()) {
                regions.put(tensor, new Region(Region.Area.PERSISTENT, persistentBytes, bytes));
                persistentBytes += Region.align(bytes);
            } else {
                regions.put(tensor, new Region(Region.Area.TRANSIENT, scratchBytes, bytes));
                scratchBytes += Region.align(bytes);
            }
            return tensor;
        }

        void run(Batch batch) {
            program.write(images, batch.images());
            program.write(crops, batch.crops());
            if (colours != null) {
                program.write(colours, batch.colourShifts());
            }
            program.run(RunParameters.NONE);
        }

        @Override
        public void close() {
            program.close();
            scratch.close();
            persistent.close();
        }
    }
}
