import type { Fail } from './errors';
import type { Memory } from './memory';
import type { Settled, TransportAnswer, TransportRequest } from './types';
import { textOf, wxCall } from './wxcall';

/** Makes a call as the user. It never rejects. */
export type Call = (call: 'reports' | 'me', body?: TransportRequest['body']) => Promise<TransportAnswer>;

/** Makes calls as one user: with no token, your backend's, or one for a wx.login code. A refused token is renewed once. */
export function caller(o: Settled, memory: Memory, remember: () => void, fail: Fail): Call {
  /** Sends, and does not wait for ever: requests of a suspended mini program may never be answered. */
  function send(call: TransportRequest['call'], headers: Record<string, string>, body?: TransportRequest['body']): Promise<TransportAnswer> {
    const { timeoutMs } = o;
    const path = '/v1/apps/' + o.appid + '/' + call;
    return new Promise((resolve) => {
      const end = (a?: TransportAnswer) => {
        clearTimeout(timer);
        resolve(a && a.status ? a : { status: 0 });
      };
      const timer = setTimeout(end, timeoutMs);
      const request: TransportRequest = { call, method: body ? 'POST' : 'GET', path, headers, body, timeoutMs };
      // The transport is somebody else's code: what it throws is a failed call.
      Promise.resolve(request).then(o.transport).then(end, () => end());
    });
  }

  async function login(): Promise<string> {
    const { code } = await wxCall((cb) => o.wx.login!(cb));
    const { status, body } = await send('session', {}, { code });
    if (status !== 200) throw new Error('session answered ' + status);
    return (body as any).session_token;
  }

  let renewing: Promise<string> | undefined; // one login at a time: two would make each other's session void

  function renew(): Promise<string> {
    return (renewing = renewing || (o.mode === 'token' ? o.token!() : login()).then((token) => {
      memory.token = token;
      remember();
      return token;
    }).finally(() => (renewing = undefined)));
  }

  return async (call, body) => {
    for (let again = false; ; again = true) {
      const headers: Record<string, string> = {};
      let token;
      if (o.mode !== 'relay') {
        try {
          token = memory.token || (await renew());
        } catch (e) {
          fail('login', textOf(e));
          return { status: 0 };
        }
        headers.Authorization = 'Bearer ' + token;
      }
      const answer = await send(call, headers, body);
      if (answer.status !== 401 || again || !token) return answer;
      if (memory.token === token) memory.token = undefined; // another call may have renewed it
    }
  };
}

/** How long the server asks to wait, in milliseconds; 0: it does not say. Seconds or a date. */
export function retryAfter(a: TransportAnswer, now: number): number {
  const headers = a.headers || {};
  const value = headers[Object.keys(headers).find((h) => /^retry-after$/i.test(h))!];
  const ms = isNaN(value) ? Date.parse(value) - now : value * 1000;
  return ms > 0 ? Math.min(ms, 24 * 3600000) : 0;
}
