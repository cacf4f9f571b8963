/**
 * Prepared images: a folder of shards, each one file of images with an index and checksums, mapped into memory to be read.
 * {@code duet.data.prepare} writes them, {@code duet.data.source} opens them as {@code shards:DIR}.
 *
 * <p>Read {@link duet.data.shard.ShardFormat} first, which has the format byte by byte, then {@link duet.data.shard.ShardFolder} (what
 * lies in the folder, and in which order it is written) and {@link duet.data.shard.ShardDataset} (how it is read).
 */
package duet.data.shard;
