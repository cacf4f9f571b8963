package duet.cli.web;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

import org.eclipse.jetty.http.pathmap.UriTemplatePathSpec;

/** What is answered under which path and method. Paths may have parameters, such as {@code /v2/models/{model}}. */
public final class Routes {
    private final Map<UriTemplatePathSpec, Map<String, Route>> paths = new LinkedHashMap<>();
    private final Set<String> open = new HashSet<>();

    /**
     * Answers GET, and HEAD with it.
     *
     * @param path  absolute
     * @param route answers
     * @return this
     */
    public Routes get(String path, Route route) {
        return on("GET", path, route);
    }

    /**
     * Answers GET to everybody, also without the token: that a service is alive is no secret.
     *
     * @param path  absolute
     * @param route answers
     * @return this
     */
    public Routes open(String path, Route route) {
        open.add(path);
        return on("GET", path, route);
    }

    /**
     * Answers POST.
     *
     * @param path  absolute
     * @param route answers
     * @return this
     */
    public Routes post(String path, Route route) {
        return on("POST", path, route);
    }

    /**
     * Answers GET with a file out of the jar.
     *
     * @param path  absolute
     * @param asset the file
     * @return this
     */
    public Routes asset(String path, Asset asset) {
        return get(path, asset);
    }

    private Routes on(String method, String path, Route route) {
        if (paths.computeIfAbsent(new UriTemplatePathSpec(path), p -> new LinkedHashMap<>()).put(method, route) != null) {
            throw new IllegalArgumentException(method + " " + path + " is answered twice");
        }
        return this;
    }

    Map<UriTemplatePathSpec, Map<String, Route>> paths() {
        return paths;
    }

    boolean open(UriTemplatePathSpec path) {
        return open.contains(path.getDeclaration());
    }
}
