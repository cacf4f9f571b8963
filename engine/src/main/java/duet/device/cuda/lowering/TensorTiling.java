package duet.device.cuda.lowering;

import java.util.List;
import java.util.stream.Stream;

import duet.device.ConvolutionGeometry;
import duet.device.cuda.lowering.ProductShape.Pass;

/**
 * How a product on tensor cores is cut into blocks of threads. A pure function of the shape: it counts with the multiprocessors of one
 * card, whichever it is, so that results are the same bits on all.
 */
final class TensorTiling {
    /** Terms that a buffer of the ring in shared memory holds. */
    static final int SLICE = 32;
    private static final int BF16_BYTES = 2;
    /** Numbers of 16 bits that are copied at a time. */
    private static final int CHUNK = 8;
    /** Where a row's result goes; and its window, where it stays beside the ring (see tensor_tile.cuh). */
    private static final int RESULT_BYTES = 4;
    private static final int WINDOW_BYTES = 16;
    /** Channels of a pixel in a window that stays in shared memory, and what a block knows of each pixel there. */
    private static final int PLACE_TERMS = 16;
    private static final int PLACE_BYTES = 4;
    /** A window is filled while as many taps are read, but for the slices that are on their way. */
    private static final int LEAST_TAPS = 9;

    /**
     * Rows and columns of a block's product and of a warp's, buffers of the ring, how many blocks a multiprocessor holds at a time, and
     * for how many pixels of a resident window there is room (see tensor_resident.cuh).
     */
    enum Tile implements ProductTile {
        LARGEST("256x128", 256, 128, 64, 64, 4, 1), LARGE("128x128", 128, 128, 64, 64, 4, 2), WIDE("128x192", 128, 192, 64, 48, 4, 1),
        TALL("256x96", 256, 96, 64, 48, 4, 1), MEDIUM("128x96", 128, 96, 64, 48, 4, 2), NARROW("128x64", 128, 64, 64, 32, 4, 2),
        /** Not backward to the weights. */
        TALL_NARROWEST("256x48", 256, 48, 64, 48, 4, 2),
        /** Only backward to the weights. */
        NARROWEST("128x48", 128, 48, 32, 48, 4, 2),
        /** Windows stay in shared memory. Not backward to the weights. */
        RESIDENT("resident_256x64", 256, 64, 64, 64, 4, 2, 576), RESIDENT_NARROW("resident_256x48", 256, 48, 64, 48, 4, 3, 576),
        RESIDENT_SHORT("resident_192x64", 192, 64, 48, 64, 4, 3, 480),
        /** Any channels and filters, number by number. */
        SCALAR("scalar", 128, 64, 64, 32, 3, 2);

        private final String suffix;
        private final int rows;
        private final int columns;
        private final int warpRows;
        private final int warpColumns;
        private final int stages;
        private final int blocks;
        private final int places;

        Tile(String suffix, int rows, int columns, int warpRows, int warpColumns, int stages, int blocks) {
            this(suffix, rows, columns, warpRows, warpColumns, stages, blocks, 0);
        }

        Tile(String suffix, int rows, int columns, int warpRows, int warpColumns, int stages, int blocks, int places) {
            this.suffix = suffix;
            this.rows = rows;
            this.columns = columns;
            this.warpRows = warpRows;
            this.warpColumns = warpColumns;
            this.stages = stages;
            this.blocks = blocks;
            this.places = places;
        }

        @Override
        public String suffix() {
            return suffix;
        }

        @Override
        public int rows() {
            return rows;
        }

        @Override
        public int columns() {
            return columns;
        }

        @Override
        public int threads() {
            return warps() * 32;
        }

        private int warps() {
            return rows / warpRows * (columns / warpColumns);
        }

        @Override
        public int sharedBytes() {
            return resident() ? places * (2 * PLACE_TERMS * BF16_BYTES + PLACE_BYTES) + stages * columns * SLICE * BF16_BYTES
                    : stages * (rows + columns) * SLICE * BF16_BYTES + rows * (this == SCALAR ? RESULT_BYTES + WINDOW_BYTES : RESULT_BYTES);
        }

        boolean resident() {
            return places > 0;
        }

        /** Multiples of which the terms of a split must be. */
        private int slice(ProductShape shape) {
            return resident() ? PLACE_TERMS * shape.tapsAcross() * shape.tapsAcross() : SLICE;
        }

        private boolean serves(ProductShape shape) {
            boolean weights = shape.pass() == Pass.WEIGHTS;
            return switch (this) {
                case RESIDENT, RESIDENT_NARROW, RESIDENT_SHORT -> resides(shape, this);
                case TALL_NARROWEST -> !weights;
                case NARROWEST -> weights;
                case SCALAR -> false;
                case LARGEST, LARGE, WIDE, TALL, MEDIUM, NARROW -> true;
            };
        }
    }

    private TensorTiling() {}

    static ProductTiling of(ProductShape shape) {
        List<Tile> tiles = candidates(shape);
        ProductTiling best = null;
        double least = Double.POSITIVE_INFINITY;
        for (boolean resident : new boolean[] {false, true}) {
            List<Tile> alike = tiles.stream().filter(tile -> tile.resident() == resident).toList();
            if (!alike.isEmpty()) {
                int slice = alike.getFirst().slice(shape);
                ProductTiling tiling = ProductTiling.least(shape, slice, alike, "bf16_",
                        (tile, splits, slicesPerSplit) -> cycles(shape, tile, splits, slicesPerSplit * slice));
                double cycles = cycles(shape, (Tile) tiling.tile(), tiling.splits(), tiling.termsPerSplit());
                if (cycles <= least) { // the resident one, which draws less
                    least = cycles;
                    best = tiling;
                }
            }
        }
        return best;
    }

    /** Copies of 16 bytes need multiples of eight side by side. */
    private static List<Tile> candidates(ProductShape shape) {
        return inChunks(shape) ? Stream.of(Tile.values()).filter(tile -> tile.serves(shape)).toList() : List.of(Tile.SCALAR);
    }

    private static boolean inChunks(ProductShape shape) {
        return shape.groupChannels() % CHUNK == 0 && shape.groupFilters() % CHUNK == 0;
    }

    /** Whether windows may stay in shared memory, where there is room for those of a block's rows. */
    private static boolean resides(ProductShape shape, Tile tile) {
        ConvolutionGeometry g = shape.geometry();
        int depth = shape.pass() == Pass.DATA ? shape.groupFilters() : shape.groupChannels();
        return shape.pass() != Pass.WEIGHTS && g.stride() == 1 && g.kernel() * g.kernel() >= LEAST_TAPS && depth % PLACE_TERMS == 0
                && places(shape, tile.rows) <= tile.places;
    }

    /** Places that the windows of so many neighbouring rows take at most; as {@code Places} of tensor_resident.cuh counts. */
    static int places(ProductShape shape, int rows) {
        ConvolutionGeometry g = shape.geometry();
        boolean data = shape.pass() == Pass.DATA;
        int across = shape.rasterWidth();
        int down = shape.rasterHeight();
        int reach = g.kernel() - 1;
        int width = data ? g.outputWidth() : g.width();
        int height = data ? g.outputHeight() : g.height();
        int left = data ? reach - g.padding() : g.padding();
        int top = data ? reach - g.paddingTop() : g.paddingTop();
        int line = Math.max(across, width + Math.max(0, Math.max(left, across + reach - left - width)));
        line += (across - line) & 7;
        int image = Math.max(down, height + Math.max(0, Math.max(top, down + reach - top - height))) * line;
        image += (across * down - image) & 7;
        int lines = Math.ceilDiv(rows - 1, across);
        int images = Math.ceilDiv(rows - 1, across * down);
        return rows + lines * (line - across) + images * (image - down * line) + reach * (line + 1);
    }

    /**
     * A model, not a measurement, of an H100: for a slice the largest of tensor cores (an mma takes 6 cycles of one of four schedulers,
     * more where few warps hide latencies), shared memory (128 bytes a cycle, what ldmatrix reads and what is copied) and the L2 cache (35
     * bytes a cycle); 3100 cycles for a block to start and to store; then the sums of the splits.
     */
    private static double cycles(ProductShape shape, Tile tile, int splits, int termsPerSplit) {
        double busiest = Math.ceilDiv(ProductTiling.tiles(shape, tile) * shape.products() * splits, ProductTiling.MULTIPROCESSORS);
        double warps = Math.min(busiest, tile.blocks) * tile.warps() / 4;
        double multiply = tile.rows * tile.columns / 2048.0 * SLICE / 4 * 6 * (warps + 0.55) / warps;
        double rows = tile.resident() ? places(shape, tile.rows) / (double) (shape.tapsAcross() * shape.tapsAcross()) : tile.rows;
        double copied = (rows + tile.columns) * SLICE * BF16_BYTES;
        double read = tile.warps() * (tile.warpRows + tile.warpColumns) * SLICE * BF16_BYTES;
        double slice = Math.max(multiply, Math.max((read + copied) / 128, copied / 35));
        return busiest * (Math.ceilDiv(termsPerSplit, SLICE) * slice + 3100)
                + ProductTiling.sumsOfSplits(shape, splits, ProductTiling.MULTIPROCESSORS);
    }
}
