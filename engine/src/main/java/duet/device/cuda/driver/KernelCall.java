package duet.device.cuda.driver;

import java.lang.foreign.MemorySegment;

/** A kernel with its grid and the structure that it takes. */
public record KernelCall(String kernel, int gridX, int gridY, int gridZ, int blockX, int sharedBytes, MemorySegment arguments) {}
