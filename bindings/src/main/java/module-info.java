/** Native libraries: jextract output and the class that finds them. */
module duet.bindings {
    exports duet.bindings;
    exports duet.bindings.cpu to duet.engine;
    exports duet.bindings.turbojpeg to duet.engine;
}
