/**
 * Packs a source for a long training: reads every image once, scales it, and writes a folder of shards. Called by
 * {@code duet data prepare}. A preparation that was stopped, killed or lost its power goes on where it was and ends with the same bytes.
 *
 * <p>Read {@link duet.data.prepare.Preparation} first. The format of the shards is {@code duet.data.shard}'s.
 */
package duet.data.prepare;
