/** A program on the module path that embeds the engine. */
module duet.examples {
    requires duet.engine;
    requires jdk.httpserver;
}
