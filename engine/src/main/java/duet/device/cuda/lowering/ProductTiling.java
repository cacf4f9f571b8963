package duet.device.cuda.lowering;

import java.util.List;

import duet.device.cuda.lowering.ProductShape.Pass;

/**
 * How a product is cut into blocks of threads: the kernel, its tile, and into how many splits the sums are cut. A pure function of
 * the shape and the number of multiprocessors, so that results are the same bits in every run on a device.
 *
 * @param termsPerSplit a multiple of the kernel's slice, here {@link #SLICE}
 */
record ProductTiling(String kernel, ProductTile tile, int splits, int termsPerSplit) {
    /** Terms that are in shared memory at a time. */
    static final int SLICE = 16;
    /**
     * What the models of kernels on tensor cores count with, those of one card, whichever it is: their results are the same bits on all.
     */
    static final int MULTIPROCESSORS = 132;
    private static final long WORKSPACE_LIMIT = 64L << 20;
    private static final int MOST_SPLITS = 256;

    /** A form of the kernels: rows and columns of a block's product, and how many blocks a multiprocessor holds at a time. */
    enum Tile implements ProductTile {
        LARGE("128x128", 128, 128, 2), MEDIUM("128x96", 128, 96, 2), NARROW("128x64", 128, 64, 4), SMALL("64x64", 64, 64, 8),
        /** Only backward to the data. */
        DATA_NARROWEST("128x48", 128, 48, 5),
        /** Few channels, such as the first layer's; not backward to the data. */
        IMAGE("image_128x96", 128, 96, 2), IMAGE_NARROW("image_128x64", 128, 64, 4), IMAGE_NARROWEST("image_128x48", 128, 48, 4),
        SCALAR("scalar", 64, 64, 6);

        private final String suffix;
        final int rows;
        final int columns;
        final int blocks;

        Tile(String suffix, int rows, int columns, int blocks) {
            this.suffix = suffix;
            this.rows = rows;
            this.columns = columns;
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
            return rows * columns / 64;
        }

        @Override
        public int sharedBytes() {
            return 0;
        }
    }

    /** What a tile and so many splits cost. */
    interface Cost<T extends ProductTile> {
        double cycles(T tile, int splits, int slicesPerSplit);
    }

    static ProductTiling of(ProductShape shape, int multiprocessors) {
        return least(shape, SLICE, candidates(shape), "",
                (tile, splits, slicesPerSplit) -> cycles(shape, tile, splits, slicesPerSplit, multiprocessors));
    }

    /**
     * The cheapest of all tiles and numbers of splits.
     *
     * @param slice      terms that are in shared memory at a time
     * @param arithmetic in the names of the kernels, such as {@code bf16_}
     */
    static <T extends ProductTile> ProductTiling least(ProductShape shape, int slice, List<T> tiles, String arithmetic,
            Cost<T> cost) {
        ProductTiling best = null;
        double least = Double.POSITIVE_INFINITY;
        int slices = divideUp(shape.terms(), slice);
        for (T tile : tiles) {
            for (int wanted = 1; wanted <= Math.min(slices, MOST_SPLITS); wanted++) {
                int slicesPerSplit = divideUp(slices, wanted);
                int splits = divideUp(slices, slicesPerSplit);
                if (splits != wanted || splits > 1 && splits * shape.splitStride() * 4 > WORKSPACE_LIMIT) {
                    continue;
                }
                double cycles = cost.cycles(tile, splits, slicesPerSplit);
                if (cycles < least) {
                    least = cycles;
                    best = new ProductTiling(passName(shape.pass()) + arithmetic + tile.suffix(), tile, splits, slicesPerSplit * slice);
                }
            }
        }
        return best;
    }

    /** Copies of four floats need multiples of four side by side. */
    private static List<Tile> candidates(ProductShape shape) {
        boolean channels = shape.groupChannels() % 4 == 0;
        boolean filters = shape.groupFilters() % 4 == 0;
        if (channels && filters) {
            return shape.pass() == Pass.DATA ? List.of(Tile.LARGE, Tile.MEDIUM, Tile.NARROW, Tile.DATA_NARROWEST, Tile.SMALL)
                    : List.of(Tile.LARGE, Tile.MEDIUM, Tile.NARROW, Tile.SMALL);
        }
        return filters && shape.pass() != Pass.DATA
                ? List.of(Tile.IMAGE, Tile.IMAGE_NARROW, Tile.IMAGE_NARROWEST, Tile.SCALAR) : List.of(Tile.SCALAR);
    }

    /** How the names of a pass's kernels begin. */
    static String passName(Pass pass) {
        return switch (pass) {
            case FORWARD -> "convolution_forward_";
            case DATA -> "convolution_backward_data_";
            case WEIGHTS -> "convolution_backward_weights_";
        };
    }

    /**
     * A model, not a measurement: the blocks of the busiest multiprocessor at 128 multiply-adds a cycle, less with few warps to hide
     * latencies, or at 24 bytes a cycle from the L2 cache; 1500 cycles for a block to start and to store; the partial sums written and
     * read at 13 bytes a cycle, and another launch.
     */
    static double cycles(ProductShape shape, Tile tile, int splits, int slicesPerSplit, int multiprocessors) {
        long blocks = tiles(shape, tile) * shape.products() * splits;
        double busiest = Math.ceilDiv(blocks, multiprocessors);
        double warps = Math.min(busiest, tile.blocks) * tile.threads() / 32;
        double multiply = SLICE * tile.rows * tile.columns / 128.0 * (warps + 3) / warps;
        double read = SLICE * 4 * (tile.rows + tile.columns) / 24.0;
        double product = busiest * (slicesPerSplit * Math.max(multiply, read) + 1500);
        return product + sumsOfSplits(shape, splits, multiprocessors);
    }

    /** Cycles of the sum of the splits. */
    static double sumsOfSplits(ProductShape shape, int splits, int multiprocessors) {
        return splits == 1 ? 0 : (2 * splits + 1) * shape.splitStride() * 4 / (13.0 * multiprocessors) + 5000;
    }

    static long tiles(ProductShape shape, ProductTile tile) {
        return (long) divideUp(shape.rows(), tile.rows()) * divideUp(shape.columns(), tile.columns());
    }

    private static int divideUp(int a, int b) {
        return Math.ceilDiv(a, b);
    }

    int tilesAcross(ProductShape shape) {
        return divideUp(shape.columns(), tile.columns());
    }

    int tiles(ProductShape shape) {
        return Math.toIntExact(tiles(shape, tile));
    }

    /** Of operands as they are, where one split writes the result itself. */
    long workspaceBytes(ProductShape shape) {
        return splits == 1 ? 0 : partialBytes(shape);
    }

    /** Of the partial sums, where the kernel writes such. */
    long partialBytes(ProductShape shape) {
        return splits * shape.splitStride() * Float.BYTES;
    }
}
