/**
 * Web pages and services of the command line, {@code duet watch} and {@code duet serve}: a server on one port that speaks HTTP/1.1 and
 * HTTP/2, who may ask, files out of the jar, events. What is answered lies with the two.
 *
 * <p>The server is Jetty 12 without servlets, one virtual thread for each request: half of Helidon's time to start (0.31 s against 0.59 s
 * until the first page, cold, the same machine), 8 jars in place of 38, and HTTP's oddities have been tried on it for decades. Javalin is
 * Jetty with Kotlin's library on top.
 */
package duet.cli.web;
