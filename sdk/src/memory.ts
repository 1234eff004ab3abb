import type { Fail } from './errors';
import type { Scene, WxLike } from './types';
import { textOf } from './wxcall';

/** What is remembered between launches, beside the queue. Losing it costs a question or a request, no permit. */
export interface Memory {
  scenes: Scene[];
  /** The balance by template: what the server said, plus what was accepted since. Undefined until the server was asked. */
  have?: Record<string, number>;
  /** When each template was refused, by the wall clock. */
  refused: Record<string, number>;
  /** Silent permits by day and template; only the last day is kept. */
  topUps: Record<number, Record<string, number>>;
  /** The session token. */
  token?: string;
}

/** Reads an object of this version from storage; undefined: there is none. */
export function load(wx: WxLike, key: string, fail: Fail): any {
  try {
    const stored = wx.getStorageSync(key);
    return stored && stored.v === 1 ? stored : undefined;
  } catch (e) {
    fail('storage', textOf(e));
  }
}

/** Writes an object to storage. It never throws. */
export function save(wx: WxLike, key: string, value: object, fail: Fail): void {
  try {
    wx.setStorageSync(key, { ...value, v: 1 });
  } catch (e) {
    fail('storage', textOf(e));
  }
}
