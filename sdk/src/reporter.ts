import type { Fail } from './errors';
import type { Memory } from './memory';
import type { Waiting } from './queue';
import type { Tell } from './sending';
import type { Env, Options, Reporter } from './types';
import { asker } from './asking';
import { caller } from './calls';
import { realEnv } from './clock';
import { current, setCurrent } from './current';
import { MinapushError } from './errors';
import { junk } from './formid';
import { load, save } from './memory';
import { settle } from './options';
import { openQueue } from './queue';
import { sender } from './sending';

/** GET me is asked again at show after so long. */
const ME_AGE = 10 * 60000;

/** Where it comes from: the page in front, if nobody says. The server tells sources of up to 64 bytes apart. */
function sourceOf(source?: string): string | undefined {
  try {
    return (source || getCurrentPages().pop()!.route).slice(0, 64);
  } catch {
    return undefined;
  }
}

/** Calls a listener of the user's: what it throws must not cost a permit or a tap. */
function safely<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event);
  } catch (e) {
    console.error(e);
  }
}

/**
 * Starts collecting. Create one reporter, in app.js before `App({…})` or in `onLaunch`: components and plain functions use the one
 * created last. Throws MinapushError `invalid_options`.
 */
export function createReporter(options: Options): Reporter {
  const o = settle(options);
  const wx = o.wx;
  const env: Env = { ...realEnv, ...o.env };

  const tell: Tell = (what, why, data) => {
    if (typeof o.debug === 'function') safely(o.debug, { what, why, data });
    else if (o.debug) console.log('[minapush]', what, why, data);
  };
  const fail: Fail = (code, message, more) => {
    tell('error', code, message);
    if (o.onError) safely(o.onError, new MinapushError(code, message, more));
  };

  const memoryKey = 'minapush.memory.' + o.appid;
  const memory: Memory = { scenes: [], refused: {}, topUps: {}, ...load(wx, memoryKey, fail) };
  const remember = () => save(wx, memoryKey, memory, fail);
  const queue = openQueue(
    wx, 'minapush.queue.' + o.appid, env, o.maxQueue, o.expiryMarginMs, fail, (why, data) => tell('dropped', why, data),
  );
  const call = caller(o, memory, remember, fail);
  const send = sender(o, env, queue, call, () => meFailed && loadMe(), fail, tell);
  const asks = asker(o, env, memory, remember, queue, keep, fail, tell);

  function keep(waiting: Waiting[]): void {
    queue.add(waiting);
    send.added();
  }

  const askMe = o.scenes === undefined ? o.mode !== 'relay' : o.scenes === true;
  let meAt = 0;
  let meFailed: boolean | undefined;

  /** Asks for scenes and balance. Those of the last launch hold until there is an answer, so that a tap never waits for it. */
  async function loadMe(): Promise<void> {
    if (!askMe) return;
    meAt = env.now();
    const { status, body } = (await call('me')) as any;
    meFailed = status !== 200 || !body || !Array.isArray(body.scenes);
    if (!meFailed) {
      memory.scenes = body.scenes;
      asks.learnBalance(body.balance);
      remember();
    }
    tell('scenes', '' + status, memory.scenes);
  }

  const seen: Record<string, boolean> = {}; // launch and show tell the same open, and so does each return to the front
  function opened(message: string): void {
    if (seen[message] || !/^[!-~]{1,64}$/.test(message)) return;
    seen[message] = true;
    keep([{ open: { message, nonce: env.newNonce() }, age: 0 }]);
    tell('opened', undefined, message);
  }
  function entered(how: any): void {
    const message = how && how.query && how.query[o.openParam];
    if (message) opened(message);
  }

  function onShow(how: any): void {
    entered(how);
    asks.learn('getSetting');
    if (Math.abs(env.now() - meAt) > ME_AGE) loadMe();
    send.flush(true);
  }
  const onHide = () => send.flush(true);

  const reporter: Reporter = {
    collect(formId, source) {
      const reason = junk(formId) || (queue.has(formId) ? 'duplicate' : undefined);
      if (!reason) keep([{ item: { type: 'form', form_id: formId as string, source: sourceOf(source) }, age: 0 }]);
      tell(reason ? 'dropped' : 'collected', reason, formId);
      return { collected: !reason, reason };
    },
    ask: (what, source) => asks.ask(what, sourceOf(source)),
    afterPayment: (what, source) => asks.ask(what, source || 'payment'),
    state: (what) => asks.plan(what).state,
    flush: () => send.flush(),
    wrap: (request: any) =>
      function (this: any, ...args: any[]) {
        const result = request.apply(this, args); // first: it is what the user waits for
        send.flush();
        return result;
      } as any,
    opened,
    openSettings: () => asks.learn('openSetting'),
    scenes: () => memory.scenes,
    pending: () => queue.size(),
    stop() {
      send.stop();
      if (wx.offAppShow) wx.offAppShow(onShow);
      if (wx.offAppHide) wx.offAppHide(onHide);
      if (current() === reporter) setCurrent(undefined);
    },
  };

  setCurrent(reporter);
  if (wx.onAppShow) wx.onAppShow(onShow);
  if (wx.onAppHide) wx.onAppHide(onHide);
  if (Array.isArray(o.scenes)) memory.scenes = o.scenes;
  if (wx.getEnterOptionsSync) entered(wx.getEnterOptionsSync());
  asks.learn('getSetting');
  loadMe();
  send.flush(true); // what the last life of the mini program left behind
  return reporter;
}
