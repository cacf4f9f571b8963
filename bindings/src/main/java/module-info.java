/** Native libraries: jextract output and the class that finds them. */
module duet.bindings {
    exports duet.bindings;
}
