package duet.device.cuda;

import java.lang.foreign.MemorySegment;

/** A kernel with its grid and the structure that it takes. */
record Launch(String kernel, int gridX, int gridY, int gridZ, int blockX, int sharedBytes, MemorySegment arguments) {}
