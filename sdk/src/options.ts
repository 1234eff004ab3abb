import type { Options, Settled } from './types';
import { MinapushError } from './errors';

/** The numbers in Options: default, least, greatest. */
const NUMBERS: Record<string, number[]> = {
  coolDownSeconds: [604800, -1, 3e8], topUpsPerDay: [5, 0, 200], maxTemplates: [3, 1, 5], batchSize: [20, 1, 100], intervalMs: [15000, 1, 2e9],
  timeoutMs: [10000, 1, 60000], maxQueue: [300, 1, 5000], expiryMarginMs: [3600000, 0, 5e8],
};

/** Options with their defaults. Throws MinapushError `invalid_options`, naming the field and the rule. */
export function settle(given: Options): Settled {
  const o: any = { mode: 'relay', openParam: 'minapush', ...given };
  const rule = (field: string, good: unknown, text: string) => {
    if (!good) throw new MinapushError('invalid_options', field + ' must be ' + text, { field });
  };
  rule('wx', o.wx && o.wx.getStorageSync, 'the global wx');
  rule('appid', /^\w+$/.test(o.appid), 'the appid');
  rule('transport', typeof o.transport === 'function', 'a function');
  rule('mode', /^(relay|token|login)$/.test(o.mode), 'relay, token or login');
  rule('token', (o.mode === 'token') === !!o.token, 'given in token mode only');
  for (const field in NUMBERS) {
    const [standard, least, most] = NUMBERS[field];
    const n = (o[field] = o[field] === undefined ? standard : o[field]);
    rule(field, n >= least && n <= most, least + ' to ' + most);
  }
  return o;
}
