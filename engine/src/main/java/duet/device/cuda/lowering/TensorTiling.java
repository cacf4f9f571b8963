package duet.device.cuda.lowering;

import java.util.List;
import java.util.stream.Stream;

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
    private static final int WINDOW_BYTES = 16;

    /** Rows and columns of a block's product and of a warp's, buffers of the ring, and how many blocks a multiprocessor holds at a time. */
    enum Tile implements ProductTile {
        LARGEST("256x128", 256, 128, 64, 64, 4, 1), LARGE("128x128", 128, 128, 64, 64, 4, 2), WIDE("128x192", 128, 192, 64, 48, 4, 1),
        /** Not backward to the weights, whose columns are filters. */
        TALL("256x96", 256, 96, 64, 48, 4, 1), MEDIUM("128x96", 128, 96, 64, 48, 4, 2), NARROW("128x64", 128, 64, 64, 32, 4, 2),
        /** Not backward to the weights. */
        TALL_NARROWEST("256x48", 256, 48, 64, 48, 4, 2),
        /** Only backward to the weights. */
        NARROWEST("128x48", 128, 48, 32, 48, 4, 2),
        /** Two pixels in a row. */
        PAIRS("pairs_256x96", 256, 96, 64, 48, 4, 1), FEWER_PAIRS("pairs_128x96", 128, 96, 64, 48, 4, 2),
        /** Any channels and filters, number by number. */
        SCALAR("scalar", 128, 64, 64, 32, 3, 2);

        private final String suffix;
        private final int rows;
        private final int columns;
        private final int warpRows;
        private final int warpColumns;
        private final int stages;
        private final int blocks;

        Tile(String suffix, int rows, int columns, int warpRows, int warpColumns, int stages, int blocks) {
            this.suffix = suffix;
            this.rows = rows;
            this.columns = columns;
            this.warpRows = warpRows;
            this.warpColumns = warpColumns;
            this.stages = stages;
            this.blocks = blocks;
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
            return stages * (rows + columns) * SLICE * BF16_BYTES + rows * WINDOW_BYTES;
        }

        private boolean serves(ProductShape shape) {
            boolean weights = shape.pass() == Pass.WEIGHTS;
            return switch (this) {
                case PAIRS, FEWER_PAIRS -> shape.pairs();
                case TALL, TALL_NARROWEST -> !weights && !shape.pairs();
                case NARROWEST -> weights;
                case SCALAR -> false;
                default -> !shape.pairs();
            };
        }
    }

    private TensorTiling() {}

    static ProductTiling of(ProductShape shape) {
        return ProductTiling.least(shape, SLICE, candidates(shape), "bf16_",
                (tile, splits, slicesPerSplit) -> cycles(shape, tile, splits, slicesPerSplit));
    }

    /** Copies of 16 bytes need multiples of eight side by side. */
    private static List<Tile> candidates(ProductShape shape) {
        return inChunks(shape) ? Stream.of(Tile.values()).filter(tile -> tile.serves(shape)).toList() : List.of(Tile.SCALAR);
    }

    private static boolean inChunks(ProductShape shape) {
        return shape.groupChannels() % CHUNK == 0 && shape.groupFilters() % CHUNK == 0;
    }

    /** Backward to the data of few channels, two pixels in a row of the product fill a tile as one does not; other shapes stay. */
    static ProductShape form(ProductShape shape) {
        int channels = shape.groupChannels();
        boolean pairs = shape.pass() == Pass.DATA && shape.geometry().stride() == 1 && shape.geometry().kernel() > 1
                && 2 * channels <= Tile.PAIRS.columns && 2 * channels > Tile.NARROW.columns;
        return pairs && inChunks(shape) ? shape.inPairs() : shape;
    }

    /**
     * A model, not a measurement, of an H100: for a slice the largest of tensor cores (an mma takes 6 cycles of one of four schedulers,
     * more where few warps hide latencies), shared memory (128 bytes a cycle, what ldmatrix reads and what is copied) and the L2 cache (35
     * bytes a cycle); 3100 cycles for a block to start and to store; then the sums of the splits.
     */
    private static double cycles(ProductShape shape, Tile tile, int splits, int slicesPerSplit) {
        double busiest = Math.ceilDiv(ProductTiling.tiles(shape, tile) * shape.products() * splits, ProductTiling.MULTIPROCESSORS);
        double warps = Math.min(busiest, tile.blocks) * tile.warps() / 4;
        double multiply = tile.rows * tile.columns / 2048.0 * SLICE / 4 * 6 * (warps + 0.55) / warps;
        double copied = (tile.rows + tile.columns) * SLICE * BF16_BYTES;
        double read = tile.warps() * (tile.warpRows + tile.warpColumns) * SLICE * BF16_BYTES;
        double slice = Math.max(multiply, Math.max((read + copied) / 128, copied / 35));
        return busiest * (slicesPerSplit * slice + 3100) + ProductTiling.sumsOfSplits(shape, splits, ProductTiling.MULTIPROCESSORS);
    }
}
