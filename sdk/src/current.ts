import type { Reporter } from './types';

// The one thing that is kept at package level: components and plain functions have no other way to the reporter.
let reporter: Reporter | undefined;

export function setCurrent(r: Reporter | undefined): void {
  reporter = r;
}

/**
 * The reporter that was created last. Where components and code have a copy of the package each (uni-app, Taro, independent
 * sub-packages), it is the app's property `minapush`: `App({ minapush: createReporter(…) })`.
 */
export function current(): Reporter | undefined {
  if (reporter) return reporter;
  try {
    return (getApp() as any).minapush;
  } catch {
    return undefined;
  }
}
