/**
 * Several processes that compute one plan together. {@link duet.device.ranks.RankedBackend} is a backend whose devices are those of all
 * processes: each opens its own and makes the same plan; {@code RankStreams} cuts out what it has to do, and a copy between devices of two
 * processes becomes a message. {@link duet.device.ranks.MpiRanks} carries messages by MPI, whose launcher has left word in the environment
 * ({@link duet.device.ranks.Launch}).
 */
package duet.device.ranks;
