/** Native libraries: jextract output and the class that finds them. */
module duet.bindings {
    requires duet.kernels;

    exports duet.bindings;
    exports duet.bindings.cpu to duet.engine, duet.bench;
    exports duet.bindings.cuda to duet.engine, duet.bench;
    exports duet.bindings.cuda.kernels to duet.engine;
    exports duet.bindings.mpi to duet.engine;
    exports duet.bindings.nccl to duet.engine;
    exports duet.bindings.turbojpeg to duet.engine;
    exports duet.bindings.vgpu to duet.engine;
}
