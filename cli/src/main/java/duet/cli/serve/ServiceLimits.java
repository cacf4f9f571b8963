package duet.cli.serve;

/**
 * What a service takes.
 *
 * @param body    bytes of a request's body
 * @param pixels  of an image file
 * @param waiting images of a model that wait, also those of one request
 * @param memory  bytes for what all clients send together
 */
record ServiceLimits(int body, long pixels, int waiting, long memory) {}
