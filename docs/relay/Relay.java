// A relay for Java 11 or later, with nothing but the JDK: java docs/relay/Relay.java. A sample, to be copied.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.Executors;

public class Relay {
    static final HttpClient client = HttpClient.newHttpClient();

    /** Your own login: who sent this request? Here everybody is DEMO_OPENID. */
    static String openidOf(HttpExchange request) { return System.getenv("DEMO_OPENID"); }

    static void relay(HttpExchange x) throws IOException {
        int status = 503; // the SDK keeps the report and tries again
        byte[] body = new byte[0];
        String openid = openidOf(x);
        if (openid == null || openid.isEmpty()) {
            status = 401;
        } else try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("RELAY_TO"))).timeout(Duration.ofSeconds(10))
                .header("Authorization", "Bearer " + System.getenv("RELAY_KEY")) // a key with the scope report, no more
                .header("Minapush-Openid", openid).header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(x.getRequestBody().readAllBytes())).build();
            HttpResponse<byte[]> answer = client.send(request, BodyHandlers.ofByteArray());
            status = answer.statusCode();
            body = answer.body();
            answer.headers().firstValue("Retry-After").ifPresent(v -> x.getResponseHeaders().set("Retry-After", v));
        } catch (IOException | InterruptedException e) {
            System.err.println("not relayed: " + e);
        }
        x.getResponseHeaders().set("Content-Type", "application/json");
        x.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        x.getResponseBody().write(body);
        x.close();
    }

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("RELAY_PORT"))), 0);
        server.createContext("/push-reports", Relay::relay);
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }
}
