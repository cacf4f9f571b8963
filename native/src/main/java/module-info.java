/** Nothing but resources: the native libraries, under META-INF/duet/OS-ARCHITECTURE. */
module duet.kernels {}
