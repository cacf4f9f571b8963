package duet.device.cpu;

import duet.device.RunParameters;

/** A prepared call of a native function: everything but the run's parameters is bound. */
@FunctionalInterface
interface NativeCall {
    /** @return what the native function returned, for {@link CpuLibrary#requireDone} */
    int launch(RunParameters parameters);
}
