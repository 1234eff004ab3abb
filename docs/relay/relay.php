<?php
// A relay for PHP 8 with the curl extension: RELAY_PORT=8080 php -S 127.0.0.1:8080 docs/relay/relay.php. A sample, to be copied.

// Your own login: who sent this request? Here everybody is DEMO_OPENID.
function openidOf(): string { return getenv('DEMO_OPENID') ?: ''; }

$openid = openidOf();
if ($openid === '') { http_response_code(401); exit('log in first'); }
$call = curl_init(getenv('RELAY_TO'));
curl_setopt_array($call, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => file_get_contents('php://input'),
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer ' . getenv('RELAY_KEY'), // a key with the scope report, no more
        'Minapush-Openid: ' . $openid,
        'Content-Type: application/json',
    ],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
    CURLOPT_HEADERFUNCTION => function ($call, $line) {
        if (stripos($line, 'Retry-After:') === 0) { header(trim($line)); }
        return strlen($line);
    },
]);
$answer = curl_exec($call);
header('Content-Type: application/json');
http_response_code($answer === false ? 503 : curl_getinfo($call, CURLINFO_RESPONSE_CODE)); // 503: the SDK keeps the report and tries again
echo $answer === false ? '' : $answer;
