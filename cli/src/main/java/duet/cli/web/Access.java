package duet.cli.web;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;

import duet.cli.output.CommandFailure;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Fields;

/**
 * Who may ask. On a loopback address everybody on this machine, but no page of another site: its name must be that of a loopback address
 * (else a name that is made to point here, DNS rebinding, would open it to any page in the browser). Elsewhere whoever knows the token: as
 * {@code Authorization: Bearer TOKEN}, or by opening {@code /?token=TOKEN} once in a browser, which then keeps it as a cookie.
 *
 * @param host  address or name to listen on
 * @param token null: none is asked for
 */
public record Access(String host, String token) {
    private static final String COOKIE = "duet-token";
    private static final String BEARER = "Bearer ";
    private static final int TOKEN_BYTES = 16;

    /**
     * {@return access with the token that is given; without one a new one where the address is not a loopback address}
     *
     * @param host  address or name to listen on
     * @param token null: none is given
     * @throws CommandFailure if there is no such host, or the token cannot stand in an address
     */
    public static Access of(String host, String token) {
        if (token != null && !token.matches("[A-Za-z0-9._~-]{1,200}")) {
            throw CommandFailure.usage("--token can have letters, digits and . _ ~ -, up to 200 of them, as it stands in an address");
        }
        try {
            return new Access(host, token == null && !InetAddress.getByName(host).isLoopbackAddress() ? random() : token);
        } catch (UnknownHostException e) {
            throw CommandFailure.usage("--host " + host + " is no address of this machine; leave it out for this machine alone, "
                    + "or give 0.0.0.0 for all of its addresses");
        }
    }

    private static String random() {
        byte[] bytes = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    /** {@return whether it listens on every address of this machine} */
    public boolean everywhere() {
        return new InetSocketAddress(host, 0).getAddress().isAnyLocalAddress();
    }

    /**
     * {@return what a person on this machine opens, with the token}
     *
     * @param address of the server
     */
    public String page(URI address) {
        String page = everywhere() ? "http://localhost:" + address.getPort() + "/" : address.toString();
        return token == null ? page : page + "?token=" + token;
    }

    /** Lets a request pass or refuses it; a token in the query becomes a cookie. */
    void check(Request request, Response response) {
        if (token == null) {
            requireLocalName(Request.getServerName(request));
            return;
        }
        String authorization = request.getHeaders().get(HttpHeader.AUTHORIZATION);
        if (authorization != null && authorization.startsWith(BEARER) && isToken(authorization.substring(BEARER.length()))
                || Request.getCookies(request).stream().anyMatch(cookie -> cookie.getName().equals(COOKIE) && isToken(cookie.getValue()))) {
            return;
        }
        Fields query = Request.extractQueryParameters(request);
        if (query.getValue("token") != null && isToken(query.getValue("token"))) {
            Response.addCookie(response,
                    HttpCookie.build(COOKIE, token).httpOnly(true).path("/").sameSite(HttpCookie.SameSite.STRICT).build());
            return;
        }
        throw new WebException(401, "this needs the token that was printed at the start: open /?token=TOKEN, "
                + "or send Authorization: Bearer TOKEN", Map.of("WWW-Authenticate", "Bearer"));
    }

    /** Takes as long for a wrong token as for a right one. */
    private boolean isToken(String given) {
        return MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    private void requireLocalName(String name) {
        boolean local = name.equals("localhost") || name.endsWith(".localhost") || name.equals("[::1]") || name.equals("::1")
                || name.matches("127(\\.\\d{1,3}){3}") || name.equals(host);
        if (!local) {
            throw new WebException(421, "this answers to the names of a loopback address only, such as localhost");
        }
    }
}
