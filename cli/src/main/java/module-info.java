/** Command line. */
module duet.cli {
    requires duet.engine;
}
