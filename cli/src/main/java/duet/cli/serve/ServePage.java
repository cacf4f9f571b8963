package duet.cli.serve;

import duet.cli.web.Asset;
import duet.cli.web.Routes;
import duet.cli.web.WebServer;

/** The page for people. It asks GET /models, POST /predict and POST /explain, see {@link Answers} and {@link Explanation}. */
public final class ServePage {
    private ServePage() {}

    /**
     * Answers GET / with the page, and what it loads.
     *
     * @param routes to add to
     * @return the same
     */
    public static Routes on(Routes routes) {
        return routes.asset("/", new Asset(ServePage.class, "page.html")).asset("/page.js", new Asset(ServePage.class, "page.js"))
                .asset("/serve.css", new Asset(ServePage.class, "serve.css")).asset("/page.css", new Asset(WebServer.class, "page.css"));
    }
}
