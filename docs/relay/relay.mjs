// A relay for Node 18 or later: node docs/relay/relay.mjs. A sample, to be copied.
import http from 'node:http'

const { RELAY_TO, RELAY_KEY, RELAY_PORT, DEMO_OPENID } = process.env

// Your own login: who sent this request? Here everybody is DEMO_OPENID.
const openidOf = (req) => DEMO_OPENID

http.createServer(async (req, res) => {
  const openid = openidOf(req)
  if (req.method !== 'POST' || req.url !== '/push-reports') return res.writeHead(404).end()
  if (!openid) return res.writeHead(401).end('log in first')
  try {
    const parts = []
    for await (const part of req) parts.push(part)
    const answer = await fetch(RELAY_TO, {
      method: 'POST',
      headers: { authorization: `Bearer ${RELAY_KEY}`, 'minapush-openid': openid, 'content-type': 'application/json' }, // scope: report
      body: Buffer.concat(parts),
      signal: AbortSignal.timeout(10_000),
    })
    const headers = { 'content-type': answer.headers.get('content-type') ?? 'application/json', 'retry-after': answer.headers.get('retry-after') ?? '' }
    res.writeHead(answer.status, headers).end(await answer.text())
  } catch {
    res.writeHead(503).end('try again') // the SDK keeps the report and does
  }
}).listen(RELAY_PORT, '127.0.0.1')
