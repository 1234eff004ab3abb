import type { Call } from './calls';
import type { Fail } from './errors';
import type { Queue, Waiting } from './queue';
import type { DebugEvent, Env, Report, Settled, TransportAnswer } from './types';
import { retryAfter } from './calls';

/** Items of one report: the server's limit. */
const MOST = 100;

const FIRST_WAIT = 2000;
const LONGEST_WAIT = 5 * 60000;

/** The debug mode. */
export type Tell = (what: DebugEvent['what'], why?: string, data?: unknown) => void;

/** Makes the body of a report. Nothing names the user, and no time of the phone's clock is in it. */
export function reportOf(waiting: Waiting[]): Report {
  const report: Report = { items: [] };
  for (const { item, open, age } of waiting) {
    const age_ms = Math.round(age);
    if (open) (report.opens = report.opens || []).push({ ...open, age_ms });
    else report.items.push({ ...item!, ...(age_ms && { age_ms }) });
  }
  return report;
}

/** Sends what waits: one report at a time, in order, again until the server has answered for it. */
export function sender(o: Settled, env: Env, queue: Queue, call: Call, reported: () => void, fail: Fail, tell: Tell) {
  let flight: Promise<void> | undefined;
  let timer: any; // waits are timers, not times: a clock that is set changes nothing
  let pause = 0; // what the timer stands for. 1: our own patience after failures, which show and hide end; 2: the server's order
  let most = MOST;
  let failures = 0;
  let stopped: boolean | undefined;

  function later(ms: number, why: number): void {
    clearTimeout(timer);
    pause = why;
    timer = stopped ? 0 : setTimeout(() => {
      timer = pause = 0;
      flush();
    }, ms);
  }

  function flush(eager?: boolean): Promise<void> {
    if (flight) return flight;
    if (stopped || !queue.size() || pause > (eager ? 1 : 0)) return Promise.resolve();
    clearTimeout(timer);
    timer = pause = 0;
    return (flight = run().then(() => {
      flight = undefined;
      added();
    }));
  }

  async function run(): Promise<void> {
    let batch;
    while (!stopped && (batch = queue.next(most)).length) {
      const answer = await call('reports', reportOf(batch));
      const body: any = answer.body;
      // Another 2xx may come from a gateway or a relay that lost the report: only the server's own answer counts.
      if (answer.status >= 300 || !body || !(body.accepted >= 0)) return failed(answer, batch.length);
      queue.remove(batch);
      failures = 0;
      most = MOST;
      tell('reported', undefined, body);
      reported();
    }
  }

  function failed(a: TransportAnswer, size: number): void {
    const ordered = a.status === 429 || a.status === 503 ? retryAfter(a, env.now()) : 0;
    if (a.status === 413) most = Math.ceil(size / 2);
    // Jitter, so that a million phones do not come back in the same second.
    if (ordered) later(ordered + env.random() * Math.min(ordered, 10000), 2);
    else later(Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures++) * (0.5 + env.random() / 2), 1);
    tell('waiting', '' + a.status);
    fail('transport', 'reports answered ' + a.status, { status: a.status });
  }

  /** Is told that something was added. */
  function added(): void {
    if (queue.size() >= o.batchSize) flush();
    else if (!timer && queue.size()) later(o.intervalMs, 0);
  }

  return {
    flush,
    added,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
