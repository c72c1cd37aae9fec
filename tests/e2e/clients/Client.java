// The client of languages.test.mjs in Java: HttpClient as it comes. It prefers HTTP/2, so it offers h2c with each
// request. Arguments: URL, "text" or "chunked", the CONNECT packet. Standard input: the event packet.
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

public class Client {
    static final HttpClient http = HttpClient.newHttpClient();

    // A body of unknown length is sent in chunks.
    static BodyPublisher body(String how, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return how.equals("chunked") ? BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes)) : BodyPublishers.ofByteArray(bytes);
    }

    static String send(HttpRequest request) throws Exception {
        HttpResponse<byte[]> answer = http.send(request, BodyHandlers.ofByteArray());
        System.out.println(answer.statusCode() + " " + Base64.getEncoder().encodeToString(answer.body()));
        return new String(answer.body(), StandardCharsets.UTF_8);
    }

    static String get(String url) throws Exception {
        return send(HttpRequest.newBuilder(URI.create(url)).build());
    }

    public static void main(String[] args) throws Exception {
        String url = args[0], how = args[1], connect = args[2];
        String event = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        get(url + "/healthz");
        get(url + "/page.html");
        String polling = url + "/socket.io/?EIO=4&transport=polling";
        polling += "&sid=" + get(polling).replaceFirst(".*\"sid\":\"([^\"]+)\".*", "$1");
        for (String packet : new String[] {connect, event}) {
            send(HttpRequest.newBuilder(URI.create(polling)).header("Content-Type", "text/plain;charset=UTF-8").POST(body(how, packet)).build());
            get(polling);
        }
    }
}
