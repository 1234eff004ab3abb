import type { Transport, TransportAnswer, TransportRequest } from './types';
import { wxCall } from './wxcall';

/** Turns whatever a request function gives into an answer: with `statusCode` or `status` it is one, otherwise it is the body of a 200. */
function answerOf(r: any): TransportAnswer {
  const status = r && (r.statusCode || r.status);
  if (typeof status !== 'number') return { status: 200, body: r };
  return { status, headers: r.header || r.headers, body: 'data' in r ? r.data : r.body };
}

/** What a request function rejected with: many do so for every status of 400 and more. */
function failureOf(e: any): TransportAnswer {
  const a = answerOf((e && e.response) || e);
  return a.status >= 400 ? a : { status: 0 };
}

/**
 * Reports through your own request function: relay mode. It resolves with the answer's body, or with an object that has `statusCode` (or
 * `status`) and `data`; it may reject. Pass the server's answer on unchanged: what has no such answer is kept and sent again.
 */
export function wrapperTransport(send: (request: TransportRequest) => Promise<any>): Transport {
  return (r) => send(r).then(answerOf, failureOf);
}

/**
 * Reports by `wx.request`, straight to minapush (`baseUrl`, token and login mode), or to a backend of yours (`urls`, relay mode). The host has
 * to be on the mini program's list of request domains.
 */
export function requestTransport(o: {
  wx: { request(o: any): any };
  /** Such as `https://push.example.com`, with the base path if there is one, without a slash at its end. */
  baseUrl?: string;
  /** Addresses of single calls. A call without an address is answered by 404. */
  urls?: { reports?: string; me?: string; session?: string };
  /** Headers of your own login, asked for at each call. */
  headers?: () => Record<string, string>;
}): Transport {
  return wrapperTransport(async (r) => {
    const url = (o.urls && o.urls[r.call]) || (o.baseUrl && o.baseUrl + r.path);
    if (!url) return { status: 404 };
    return wxCall((cb) => o.wx.request(cb), {
      url, method: r.method, data: r.body, timeout: r.timeoutMs, header: { 'content-type': 'application/json', ...(o.headers && o.headers()), ...r.headers },
    });
  });
}

/** Reports to a service of WeChat cloud hosting by `wx.cloud.callContainer`: base library 2.23.0. Call `wx.cloud.init()` first. */
export function containerTransport(o: {
  wx: { cloud: { callContainer(o: any): any } };
  env: string;
  service: string;
  /** Path of your relay; without it the path of the call, for minapush itself in a container. */
  path?: string;
}): Transport {
  return wrapperTransport((r) =>
    wxCall((cb) => o.wx.cloud.callContainer(cb), {
      config: { env: o.env }, path: o.path || r.path, method: r.method, data: r.body,
      header: { 'X-WX-SERVICE': o.service, 'content-type': 'application/json', ...r.headers },
    }));
}

/**
 * Reports by a cloud function. It is called with `{call, method, path, headers, body}`, passes `body` on to minapush with its key and the
 * openid of `cloud.getWXContext()`, and returns `{statusCode, headers, body}`, or the answer's body alone.
 */
export function cloudFunctionTransport(o: { wx: { cloud: { callFunction(o: any): any } }; name: string }): Transport {
  return wrapperTransport(({ call, method, path, headers, body }) =>
    wxCall((cb) => o.wx.cloud.callFunction(cb), { name: o.name, data: { call, method, path, headers, body } }).then((r) => r.result));
}
