import type { Fail } from './errors';
import type { Memory } from './memory';
import type { Queue, Waiting } from './queue';
import type { Tell } from './sending';
import type { Ask, Asked, Env, PermitState, Settled, TemplateKind } from './types';
import { count, isAccept } from './queue';
import { textOf, wxCall } from './wxcall';

/**
 * What each errCode of wx.requestSubscribeMessage comes to; all others are `invalid` from 10000, a bug that a release has to mend
 * (developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html, as of June 2026).
 */
const CODES: Record<number, PermitState> = {
  10002: 'offline', 10003: 'uncertain', 10005: 'background', 20004: 'blockedByMainSwitch', 20005: 'banned',
};

function stateOf(errCode: number, text: string): PermitState {
  return CODES[errCode] || (errCode >= 10000 ? 'invalid' : /TAP gesture/i.test(text) ? 'notATap' : /not ended/.test(text) ? 'busy' : 'failed');
}

/** What to call WeChat with; no ids: nothing. */
interface Plan {
  kind?: TemplateKind;
  ids: string[];
  state: PermitState;
}

/** How long an open request keeps others from starting: WeChat has been seen to answer never. */
const STUCK = 60000;

/** The subscribe side: decides whether to ask, asks, and turns answers into items. */
export function asker(
  o: Settled, env: Env, memory: Memory, remember: () => void, queue: Queue, keep: (w: Waiting[]) => void, fail: Fail, tell: Tell,
) {
  const wx = o.wx;
  // What the user chose for good, as wx.getSetting tells it: only templates with 「总是保持以上选择」 are listed.
  let settings: { mainSwitch?: boolean; itemSettings?: Record<string, string> } = {};
  let open: any; // the timer of the open request
  const banned: Record<string, boolean> = {}; // by template; '' is the mini program
  const kinds: Record<string, TemplateKind> = {};

  /** Reads the settings, by the page that a person can change them on or without. It never rejects. */
  function learn(by: 'getSetting' | 'openSetting'): Promise<void> {
    return wxCall((cb) => wx[by]!(cb), { withSubscriptions: true }).then((res) => {
      settings = res.subscriptionsSetting || settings;
    }, () => {});
  }

  /** How one template stands. */
  function stands(template: string, kind: TemplateKind, target: number, coolDown: number): PermitState {
    const choice = (settings.itemSettings || {})[template];
    const enough = !!memory.have && (memory.have[template] || 0) >= (kind === 'long_term' ? 1 : target);
    if (choice === 'ban' || banned[template]) return 'banned';
    if (choice === 'reject') return 'rejectedForever';
    if (isAccept(choice)) {
      const cap = kind === 'long_term' ? 0 : o.topUpsPerDay;
      if (cap) return (topUps()[template] || 0) < cap ? 'silent' : 'capped';
      return enough ? 'enough' : 'silent';
    }
    if (enough) return 'enough';
    const ago = env.now() - (memory.refused[template] || 0);
    return ago >= 0 && ago < coolDown * 1000 ? 'coolingDown' : 'askable';
  }

  /** The silent permits of today, by template. Days end at midnight in Beijing. */
  function topUps(): Record<string, number> {
    const day = ((env.now() + 8 * 3600000) / 86400000) | 0;
    return memory.topUps[day] || (memory.topUps = { [day]: {} })[day];
  }

  function plan(what: string | Ask): Plan {
    let ask: Ask = typeof what === 'string' ? { scene: what } : what;
    const nothing = (state: PermitState): Plan => ({ ids: [], state });
    if (!wx.requestSubscribeMessage) return nothing('unsupported');
    if (ask.scene && !ask.templates) {
      const s = memory.scenes.find((s) => s.name === ask.scene);
      if (!s) return nothing('unknownScene');
      ask = { ...s, coolDownSeconds: s.cool_down_seconds };
    }
    const ids = [...new Set(ask.templates)];
    const kind = ask.kind || kinds[ids[0]] || 'one_time';
    if (!ids.length || ids.some((id) => (kinds[id] = kinds[id] || kind) !== kind)) return nothing('invalid');
    if (banned['']) return nothing('banned');
    if (settings.mainSwitch === false) return nothing('blockedByMainSwitch');
    const coolDown = ask.coolDownSeconds || o.coolDownSeconds;
    const states: Record<string, PermitState> = {};
    for (const id of ids) states[id] = stands(id, kind, ask.target || 1, coolDown);
    const can = ids.filter((id) => /^(askable|silent)$/.test(states[id])).slice(0, o.maxTemplates);
    return { kind, ids: can, state: can.some((id) => states[id] === 'askable') ? 'askable' : states[can[0] || ids[0]] };
  }

  /** Books what WeChat answered: everything is stored before anybody hears of it. */
  function book(p: Plan, res: any, asked: Asked, source?: string): void {
    const kept: Waiting[] = [];
    for (const template of p.ids) {
      const result = res[template];
      if (!result) continue;
      asked.results[template] = result;
      const item: Waiting['item'] = { type: p.kind === 'long_term' ? 'standing' : 'subscribe', template, result, source };
      if (isAccept(result)) {
        item.nonce = env.newNonce();
        asked.accepted.push(template);
        memory.refused[template] = 0;
        if (memory.have) count(memory.have, template, 1);
        if (asked.silent) count(topUps(), template, 1);
      } else if (result === 'reject') {
        memory.refused[template] = env.now();
      } else {
        banned[template] = result === 'ban';
        fail('subscribe', result + ' ' + template); // ban: by WeChat; filter: another template of the request has the same title
      }
      kept.push({ item, age: 0 });
    }
    asked.state = asked.accepted.length ? 'accepted' : kept.some((k) => k.item!.result === 'reject') ? 'refused' : kept.length ? 'banned' : 'failed';
    keep(kept);
    remember();
    tell('asked', asked.state, asked.results);
  }

  function refused(err: any, asked: Asked): void {
    const errCode = (asked.errCode = err && err.errCode);
    const text = (asked.errMsg = textOf(err));
    const state = (asked.state = stateOf(errCode, text));
    if (state === 'blockedByMainSwitch') settings.mainSwitch = false;
    if (state === 'banned') banned[''] = true;
    if (state === 'invalid' || state === 'banned') fail('subscribe', text, { errCode });
    tell('notAsked', state, text);
  }

  /** Calls WeChat before it returns: no promise may come before that, or it is no tap any more. */
  async function ask(what: string | Ask, source?: string): Promise<Asked> {
    const p = plan(what);
    const asked: Asked = { state: p.state, silent: p.state === 'silent', accepted: [], results: {} };
    if (p.ids.length && open) {
      asked.state = 'busy';
      p.ids = [];
    }
    if (!p.ids.length) {
      tell('notAsked', asked.state, what);
      learn('getSetting'); // the user may have changed them meanwhile: the next tap shall know
      return asked;
    }
    const mine = (open = setTimeout(() => (open = 0), STUCK));
    await new Promise<void>((resolve) => {
      // Booked in WeChat's own callback, and stored before it ends: a kill right after the popup loses nothing.
      const fail = (err: any) => resolve(refused(err, asked));
      const success = (res: any) => resolve(book(p, res, asked, source));
      wxCall((cb) => wx.requestSubscribeMessage!({ ...cb, success, fail }), { tmplIds: p.ids }).catch(fail);
    });
    clearTimeout(mine);
    if (open === mine) open = 0;
    learn('getSetting'); // 「总是保持以上选择」 may have been ticked
    return asked;
  }

  /** Takes what GET me told. What is accepted but not reported yet is not in its balance. */
  function learnBalance(balance: any[]): void {
    const have = (memory.have = queue.accepted());
    for (const b of balance || []) {
      if (!b.template) continue;
      if (b.kind === 'standing') kinds[b.template] = 'long_term';
      count(have, b.template, b.available);
    }
  }

  return { ask, plan, learn, learnBalance };
}
