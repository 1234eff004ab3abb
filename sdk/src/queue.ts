import type { Fail } from './errors';
import type { Env, ReportItem, WxLike } from './types';
import { stopwatch } from './clock';
import { load, save } from './memory';

/** Something that waits: an item or an open as it will be sent, and its age when the queue was last looked at. */
export interface Waiting {
  item?: ReportItem;
  open?: { message: string; nonce: string };
  age: number;
}

const WEEK = 7 * 24 * 3600000;

/**
 * The queue survives a kill: each change is in wx storage when the call returns, and an item leaves only after the server has answered for
 * it. Whatever dies between those two is sent again, with the same nonce.
 */
export function openQueue(
  wx: WxLike, key: string, env: Env, max: number, margin: number, fail: Fail, dropped: (why: string, data: Waiting[]) => void,
) {
  const clock = stopwatch(env);
  let seen = clock(); // the ages are as of then
  const stored = load(wx, key, fail);
  const away = stored ? Math.max(0, env.now() - stored.at) : 0;
  let list: Waiting[] = stored ? [].concat(stored.list).map((w: Waiting) => ({ ...w, age: w.age + away })) : [];

  /** Brings all ages up to now and drops what is over. */
  function grow(): void {
    const now = clock();
    for (const w of list) w.age += now - seen;
    seen = now;
    const over: Waiting[] = [];
    list = list.filter((w) => w.age < WEEK - margin || !over.push(w));
    if (over.length) dropped('expired', over);
  }

  function write(): void {
    save(wx, key, { at: env.now(), list }, fail);
  }

  return {
    /** Adds some; they are stored when this returns. */
    add(added: Waiting[]): void {
      grow();
      list.push(...added);
      if (list.length > max) dropped('too_many', list.splice(0, list.length - max));
      write();
    },
    /** The next ones to be sent, oldest first, with their ages as of now. */
    next(most: number): Waiting[] {
      grow();
      return list.slice(0, most);
    },
    /** Forgets what the server has answered for. */
    remove(done: Waiting[]): void {
      grow();
      list = list.filter((w) => !done.includes(w));
      write();
    },
    has: (formId: unknown) => list.some((w) => w.item && w.item.form_id === formId),
    /** How many subscribe permits wait, by template. */
    accepted(): Record<string, number> {
      const n: Record<string, number> = {};
      for (const { item } of list) if (item && item.template && isAccept(item.result)) count(n, item.template, 1);
      return n;
    },
    size: () => list.length,
  };
}

/** Adds to a number by name. */
export function count(n: Record<string, number>, name: string, more: number): void {
  n[name] = (n[name] || 0) + more;
}

/** accept, acceptWithAudio, acceptWithAlert, acceptWithForcePush, and whatever WeChat will add. */
export function isAccept(result: unknown): boolean {
  return /^accept/.test(result as string);
}

export type Queue = ReturnType<typeof openQueue>;
