package duet.device.cuda.lowering;

import java.util.List;
import java.util.stream.Stream;

import duet.device.Precision;
import duet.device.cuda.lowering.ProductShape.Pass;

/**
 * How a product of floats on tensor cores (bf16x3, bf16x6) is cut into blocks of threads. A pure function of the shape: it counts with the
 * multiprocessors of one card, whichever it is, so that results are the same bits on all.
 */
final class SplitTiling {
    private static final int SCHEDULERS = 4;
    /** Warps of a block: one for each scheduler. */
    private static final int WARPS = 4;
    private static final int SLICE = ProductTiling.SLICE;

    /** Rows and columns of a block's product and of a warp's, and how many blocks a multiprocessor holds at a time. */
    enum Tile implements ProductTile {
        LARGE("128x96", 128, 96, 64, 48, 2), WIDE("96x128", 96, 128, 48, 64, 2), SMALL("64x64", 64, 64, 32, 32, 4),
        /** Only backward to the data. */
        TALL("256x48", 256, 48, 64, 48, 2),
        /** Few channels, such as the first layer's; not backward to the data. */
        IMAGE("image_96x96", 96, 96, 48, 48, 2), IMAGE_NARROWEST("image_128x48", 128, 48, 32, 48, 3),
        /** Any channels and filters, number by number. */
        SCALAR("scalar", 64, 64, 32, 32, 4);

        private final String suffix;
        private final int rows;
        private final int columns;
        private final int warpRows;
        private final int warpColumns;
        private final int blocks;

        Tile(String suffix, int rows, int columns, int warpRows, int warpColumns, int blocks) {
            this.suffix = suffix;
            this.rows = rows;
            this.columns = columns;
            this.warpRows = warpRows;
            this.warpColumns = warpColumns;
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
            return WARPS * 32;
        }

        /** They need no more than every kernel may have. */
        @Override
        public int sharedBytes() {
            return 0;
        }
    }

    private SplitTiling() {}

    static ProductTiling of(ProductShape shape, Precision precision) {
        int planes = precision == Precision.BF16X6 ? 3 : 2;
        return ProductTiling.least(shape, SLICE, candidates(shape), precision + "_",
                (tile, splits, slicesPerSplit) -> cycles(shape, tile, planes, splits, slicesPerSplit));
    }

    /** Copies of four floats need multiples of four side by side. */
    private static List<Tile> candidates(ProductShape shape) {
        boolean data = shape.pass() == Pass.DATA;
        boolean filters = shape.groupFilters() % 4 == 0;
        if (filters && shape.groupChannels() % 4 == 0) {
            return Stream.of(Tile.LARGE, Tile.WIDE, Tile.TALL, Tile.SMALL).filter(tile -> data || tile != Tile.TALL).toList();
        }
        return filters && !data ? List.of(Tile.IMAGE, Tile.IMAGE_NARROWEST) : List.of(Tile.SCALAR);
    }

    /**
     * A model, not a measurement, of an H100: for a slice the largest of tensor cores (an mma takes 6 cycles of one of four schedulers),
     * the instructions that are issued, shared memory (128 bytes a cycle, what warps read and what is copied) and the L2 cache (35 bytes a
     * cycle), more with few warps to hide latencies; 3100 cycles for a block to start and to store; then the sums of the splits.
     */
    private static double cycles(ProductShape shape, Tile tile, int planes, int splits, int slicesPerSplit) {
        double busiest = Math.ceilDiv(ProductTiling.tiles(shape, tile) * shape.products() * splits, ProductTiling.MULTIPROCESSORS);
        double warps = Math.min(busiest, tile.blocks) * WARPS / SCHEDULERS;
        double fragments = tile.warpRows * tile.warpColumns / 128.0;
        double products = planes * (planes + 1) / 2.0 * fragments;
        int copied = (tile.rows + tile.columns) * SLICE * Float.BYTES;
        int read = (tile.warpRows + tile.warpColumns) * SLICE * Float.BYTES;
        // Two floats are split by 6 instructions a plane, where a conversion counts twice; an accumulator is four sums.
        double issued = products + 4 * fragments + read / 256.0 * (6 * planes - 3) + copied / 16.0 / tile.threads() * 9 + 20;
        double multiply = Math.max(6 * products, issued) * WARPS / SCHEDULERS * (warps + 0.55) / warps;
        double slice = Math.max(multiply, Math.max((WARPS * read + copied) / 128.0, copied / 35.0));
        return busiest * (slicesPerSplit * slice + 3100) + ProductTiling.sumsOfSplits(shape, splits, ProductTiling.MULTIPROCESSORS);
    }
}
