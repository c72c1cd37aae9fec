<?php
// The client of languages.test.mjs in PHP. Arguments: URL, "curl", "curl-chunked", "streams" or "streams-1.0", the
// CONNECT packet. Standard input: the event packet.
[, $url, $how, $connect] = $argv;
$event = stream_get_contents(STDIN);

function by_curl(string $url, ?string $body, bool $chunked): array
{
    $curl = curl_init($url);
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POST, true);
        $headers = ['Content-Type: text/plain;charset=UTF-8'];
        if ($chunked) {
            $rest = $body;
            $headers[] = 'Transfer-Encoding: chunked';
            curl_setopt($curl, CURLOPT_READFUNCTION, function ($curl, $file, int $n) use (&$rest) {
                $part = substr($rest, 0, min($n, 1000));
                $rest = substr($rest, strlen($part));
                return $part;
            });
        } else {
            curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
        }
        curl_setopt($curl, CURLOPT_HTTPHEADER, $headers);
    }
    $answer = curl_exec($curl);
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $answer];
}

function by_stream(string $url, ?string $body, array $options): array
{
    if ($body !== null) {
        $options += ['method' => 'POST', 'header' => 'Content-Type: text/plain;charset=UTF-8', 'content' => $body];
    }
    $answer = file_get_contents($url, false, stream_context_create(['http' => $options]));
    preg_match('/^HTTP\/\S+ (\d+)/', $http_response_header[0], $match);
    return [$match[1], $answer];
}

function send(string $url, ?string $body = null): string
{
    global $how;
    [$status, $answer] = match ($how) {
        'curl' => by_curl($url, $body, false),
        'curl-chunked' => by_curl($url, $body, true),
        'streams' => by_stream($url, $body, []),
        'streams-1.0' => by_stream($url, $body, ['protocol_version' => 1.0]),
    };
    echo $status, ' ', base64_encode($answer), "\n";
    return $answer;
}

send("$url/healthz");
send("$url/page.html");
$polling = "$url/socket.io/?EIO=4&transport=polling";
$polling .= '&sid=' . json_decode(substr(send($polling), 1))->sid;
foreach ([$connect, $event] as $packet) {
    send($polling, $packet);
    send($polling);
}
