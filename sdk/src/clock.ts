import type { Env } from './types';

/**
 * A stopwatch for ages, in milliseconds from when it was made.
 *
 * Mini programs have no clock but the wall clock, which people set. This one never runs backwards: while the wall clock is behind what it
 * was, it stands still until the next look. A step forward is taken for time that has passed, since nothing tells the two apart: an age
 * that is too high costs at worst a permit, one that is too low lets the server trust a dead one.
 */
export function stopwatch(env: Env): () => number {
  let last = env.now();
  let total = 0;
  return () => {
    const now = env.now();
    total += Math.max(0, now - last);
    last = now;
    return total;
  };
}

/** The clock and the chance of the phone. */
export const realEnv: Env = {
  now: () => Date.now(),
  random: () => Math.random(),
  newNonce: () => Date.now().toString(36) + (Math.random() + '-' + Math.random()).replace(/0\./g, ''),
};
